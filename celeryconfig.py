"""Celery's settings for a Notifier worker, each with its reason. Plain values: change them here."""

from kombu import Queue

# Queues, by name and not by priority: brokers disagree on which end of a priority is high.
task_queues = [Queue("mail.urgent"), Queue("mail"), Queue("mail.bulk")]
task_default_queue = "mail"
task_create_missing_queues = True
task_routes = {"notifier.sweep": {"queue": "mail"}}

# JSON and nothing else: a pickle from the broker is code (CVE-2021-23727 and others).
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]

# The ledger keeps what became of a mail; a result backend would keep it twice.
task_ignore_result = True

# Bells are acknowledged early, the sweeper heals; `send_email` and `send_message` with an inline payload say acks_late for themselves.
task_acks_late = False
# Off for bells. A child that dies with an inline payload gives it back; registering it again is a no-op.
task_reject_on_worker_lost = False

# One message at a time, so that a bell is not parked behind a slow one while another slot idles.
worker_prefetch_multiplier = 1
# Nothing of ours has an ETA; a stranger's must not fill the memory.
worker_eta_task_limit = 1000
# A recycled child closes its sessions; a thousand bells are worth the reconnect.
worker_max_tasks_per_child = None

# Limits above the sum of SMTP's own deadlines, those of mx:// too: they end a hung child, never a patient wait for a final reply.
task_soft_time_limit = 2700
task_time_limit = 2760

# A bell in work gets a minute to come to its settlement before the worker goes.
worker_soft_shutdown_timeout = 60
worker_enable_soft_shutdown_on_idle = True
# The ledger's fence answers the copy that a lost broker connection delivers again.
worker_cancel_long_running_tasks_on_connection_loss = False

broker_connection_retry_on_startup = True
# Celery would end the worker at the hundredth try, after three quarters of an hour.
broker_connection_max_retries = None
# A broker that becomes a replica, is full or is not allowed to write refuses a step; without this the worker ends.
broker_channel_error_retry = True
broker_transport_options = {
    # Inline payloads only. Bells are short; no ETA and no countdown ever meets it.
    "visibility_timeout": 3600,
    # Without a timeout a half-open broker is waited for without end. The main process asks it at each sweep and does nothing else
    # meanwhile, so it is short: what a slow one does not take in time is rung again.
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    # Look for unacknowledged messages at each interval, not at each tenth.
    "unacked_restore_throttle": 1,
}

# Remote control would let whoever reaches the broker run commands in the worker; `notifier` asks the store.
worker_enable_remote_control = False

worker_hijack_root_logger = False
worker_log_format = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"

timezone = "UTC"
enable_utc = True

# `celery -A worker beat`. `create_worker_app` adds `send-due-reports`: the store knows which reports are due (docs/how-to/reports.md).
# A mail that a task of your own sends by a schedule wants an idempotency key that names its period, where two beats may run.
beat_schedule = {
    # A safety net: the workers sweep what they consume every few seconds by themselves.
    "sweep-every-queue": {"task": "notifier.sweep", "schedule": 60.0, "options": {"expires": 55}},
}
