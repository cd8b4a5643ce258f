import os

SECRET_KEY = "for a club that is made up"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "post_office",
    "club",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
MEDIA_ROOT = os.environ.get("CLUB_FILES", "files")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST = os.environ.get("CLUB_RELAY", "localhost")
EMAIL_PORT = int(os.environ.get("CLUB_RELAY_PORT", "25"))
DEFAULT_FROM_EMAIL = "Club <club@example.org>"
POST_OFFICE = {
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    "DEFAULT_PRIORITY": "medium",
    "MAX_RETRIES": 4,
}
