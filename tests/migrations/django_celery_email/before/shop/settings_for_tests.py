from shop.settings import *

CELERY_TASK_ALWAYS_EAGER = True
CELERY_EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
