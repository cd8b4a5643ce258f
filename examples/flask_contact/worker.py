"""What `celery -A worker worker` finds: a worker with the Flask app's settings."""

from contact import create_app

from notifier.integrations.flask import worker_app

app = worker_app(create_app())
