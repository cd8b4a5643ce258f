"""What `celery -A worker worker` finds."""

from notifier.tasks.worker import create_worker_app

app = create_worker_app()
