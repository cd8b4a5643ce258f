import os

SECRET_KEY = "for a shop that is made up"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "djcelery_email",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

CELERY_BROKER_URL = os.environ.get("SHOP_BROKER", "redis://localhost:6379/0")

EMAIL_BACKEND = "djcelery_email.backends.CeleryEmailBackend"
EMAIL_HOST = os.environ.get("SHOP_RELAY", "localhost")
EMAIL_PORT = int(os.environ.get("SHOP_RELAY_PORT", "25"))
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
CELERY_EMAIL_CHUNK_SIZE = 20
CELERY_EMAIL_TASK_CONFIG = {"ignore_result": True, "max_retries": 5}
