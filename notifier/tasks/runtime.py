"""`Runtime`: one process's store, pool, renderer and courier, joined. Made lazily and keyed by process id.

A prefork child never touches what its parent made: after a fork the next caller gets a runtime of its own.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from dataclasses import dataclass, field

from notifier.delivery.composer import Composer
from notifier.delivery.courier import Courier, Timing
from notifier.delivery.intake import Intake
from notifier.delivery.rounds import Pace
from notifier.model.events import Listener
from notifier.pool import LocalBreakers, Member, Relays, SessionPool
from notifier.rendering import Renderer, TemplateLibrary
from notifier.settings import Settings
from notifier.store import RedisStore, blob_name
from notifier.telemetry.logs import log_event


@dataclass(slots=True)
class Runtime:
    """Everything that a process needs to enqueue and to deliver."""

    settings: Settings
    listener: Listener = log_event
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    store: RedisStore = field(init=False)
    relays: Relays = field(init=False)
    inline_relays: Relays = field(init=False)  # for sending at once, which asks no store
    renderer: Renderer = field(init=False)
    composer: Composer = field(init=False)
    courier: Courier = field(init=False)
    intake: Intake = field(init=False)
    _paces: dict[str, Pace] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        self.store = RedisStore(
            settings.store_url.reveal(),
            timeout=settings.store_timeout,
            durability=settings.durability,
            classes=settings.classes,
            takeover=settings.takeover,
            retention=settings.retention,
            idempotency_window=settings.idempotency_window,
        )
        self.relays, self.inline_relays = self._joined_relays()
        self.renderer = Renderer(TemplateLibrary(settings.template_folders))
        self.composer = Composer(self.renderer, self.store, settings.sender)
        self.courier = Courier(
            store=self.store,
            pool=self.relays,
            composer=self.composer,
            table=settings.retry,
            timing=Timing(session_wait=self._session_wait(), dot_deadline=settings.dot_deadline),
            listener=self.listener,
        )
        self.intake = Intake(
            template_known=self.renderer.require,
            classes=settings.classes,
            max_bytes=settings.max_mail_bytes,
            blob_name=blob_name,
        )

    def _joined_relays(self) -> tuple[Relays, Relays]:
        tiers = [
            [Member(SessionPool(one.endpoint, one.pool, listener=self.listener), one.weight) for one in tier]
            for tier in self.settings.relays
        ]
        inline = [[Member(member.pool, member.weight) for member in tier] for tier in tiers]
        return (
            Relays(tiers, self.store.breakers, rules=self.settings.breakers, listener=self.listener),
            Relays(inline, LocalBreakers(), rules=self.settings.breakers, listener=self.listener),
        )

    def _session_wait(self) -> float:
        return max(endpoint.timeouts.connect for endpoint in self.settings.endpoints)

    def pace(self, queue: str) -> Pace:
        """What this process has learned of the queue's speed."""
        return self._paces.setdefault(queue, Pace(self.settings.batch))

    def close(self, grace: float) -> None:
        """Say QUIT to parked sessions, wait up to ``grace`` seconds for lent ones, close the store's connections."""
        self.relays.close(grace)
        self.store.close()


_lock = threading.Lock()
_runtimes: dict[int, Runtime] = {}
_settings: Settings | None = None


def _fresh_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)


def settings() -> Settings:
    """The settings of this process, read once from the environment. Raises `ConfigurationError`."""
    global _settings  # noqa: PLW0603 - one tree a process
    if _settings is None:
        _settings = Settings.load()
    return _settings


def configure(chosen: Settings | None) -> None:
    """Use these settings in place of the environment's (None: read the environment again); ends the runtime."""
    global _settings  # noqa: PLW0603 - one tree a process
    shut_down(grace=0.0)
    _settings = chosen


def inline_settings() -> Settings:
    """The settings for sending at once: broker and store, which that does not use, may be missing."""
    unused = {"NOTIFIER_BROKER_URL": "memory://", "NOTIFIER_STORE_URL": "redis://localhost"}
    named = any(os.environ.get(name) for name in ("NOTIFIER_BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL"))
    return settings() if _settings is not None or named else Settings.load({**unused, **os.environ})


def inline_runtime() -> Runtime:
    """This process's runtime, for sending at once."""
    global _settings  # noqa: PLW0603 - one tree a process
    with _lock:
        if os.getpid() in _runtimes:
            return _runtimes[os.getpid()]
    _settings = inline_settings()
    return runtime()


def runtime() -> Runtime:
    """This process's runtime."""
    pid = os.getpid()
    with _lock:
        if pid not in _runtimes:
            _runtimes[pid] = Runtime(settings())
        return _runtimes[pid]


def shut_down(grace: float) -> None:
    """Close this process's runtime, if it has one."""
    with _lock:
        mine = _runtimes.pop(os.getpid(), None)
    if mine is not None:
        mine.close(grace)
