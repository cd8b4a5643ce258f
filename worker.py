"""What `celery -A worker worker` finds."""

import gc

gc.disable()  # a start makes a hundred thousand objects, and looking through them for garbage is a twentieth of it

from notifier.tasks.worker import create_worker_app  # noqa: E402 - behind the above

app = create_worker_app()
gc.enable()
