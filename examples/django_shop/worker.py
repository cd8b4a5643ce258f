"""What `celery -A worker worker` finds: a worker with the project's settings."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
django.setup()

from notifier.tasks.worker import create_worker_app  # noqa: E402 - Django's settings are read before

app = create_worker_app()
