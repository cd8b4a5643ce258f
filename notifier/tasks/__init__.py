"""Where the rooms meet Celery: the app, the tasks, the worker's boot steps. The only home of celery."""
