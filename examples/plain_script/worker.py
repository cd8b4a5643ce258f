"""What `celery -A worker worker` and `celery -A worker beat` find."""

from notifier.tasks.worker import create_worker_app

app = create_worker_app(config=None)  # the celeryconfig.py of the repository has what a bigger deployment sets
