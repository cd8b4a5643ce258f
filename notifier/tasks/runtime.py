"""`Runtime`: one process's store, pool, renderer and courier, joined. Made lazily and keyed by process id.

A prefork child never touches what its parent made: after a fork the next caller gets a runtime of its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from notifier.delivery.attachments import Sources
from notifier.delivery.composer import Composer
from notifier.delivery.courier import Courier, Timing
from notifier.delivery.intake import Intake
from notifier.delivery.limiter import Limiter
from notifier.delivery.own_fields import OwnFields, supplied
from notifier.delivery.redaction import Redactor
from notifier.delivery.rounds import Pace
from notifier.delivery.routing import AT_ONCE_WAIT, Account, Router
from notifier.delivery.signing import Signer
from notifier.errors import ConfigurationError
from notifier.model.email import Email
from notifier.model.events import Listener
from notifier.model.hook import HookKind
from notifier.rendering import Renderer, SharedCode, TemplateLibrary
from notifier.rendering.engine import Engine
from notifier.settings import Settings
from notifier.settings.watch import FileWatch
from notifier.store import RedisStore, SettlementJournal, blob_name
from notifier.store.fetching import Fetcher
from notifier.tasks import signals
from notifier.tasks.orders import orders
from notifier.tasks.registered import common_broker
from notifier.tasks.soft_limit import soft_limit
from notifier.tasks.telling import tell
from notifier.tasks.ways_out import WaysOut

log = logging.getLogger(__name__)

_BROKER = "NOTIFIER_BROKER_URL"
_UNUSED = {_BROKER: "memory://", "NOTIFIER_STORE_URL": "redis://localhost"}  # by what is sent at once
LOOK_EVERY = 1.0  # seconds in which a worker does not look again at the template files that it has just used


@dataclass(slots=True)
class Runtime:
    """Everything that a process needs to enqueue and to deliver. ``reload`` reads the settings again, where they came
    from the environment.
    """

    settings: Settings
    listener: Listener = tell
    reload: Callable[[], Settings] | None = None
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    store: RedisStore = field(init=False)
    journal: SettlementJournal = field(init=False)
    ways_out: WaysOut = field(init=False)
    renderer: Renderer = field(init=False)
    redactor: Redactor = field(init=False)
    composer: Composer = field(init=False)
    courier: Courier = field(init=False)
    intake: Intake = field(init=False)
    hook_kinds: tuple[HookKind, ...] = field(init=False)
    _watch: FileWatch = field(init=False)
    _reloads: int = field(init=False, default_factory=lambda: orders.reloads)
    _looking: threading.Lock = field(init=False, default_factory=threading.Lock)
    _inline: WaysOut | None = field(init=False, default=None)
    _paces: dict[str, Pace] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        self.hook_kinds = tuple(_hook_kinds(settings))
        self.store = RedisStore(
            settings.store_url.reveal(),
            timeout=settings.store_timeout,
            durability=settings.durability,
            classes=settings.classes,
            takeover=settings.takeover,
            retention=settings.retention,
            idempotency_window=settings.idempotency_window,
            suppress_for=settings.suppress_for,
            blobs=settings.blobs,
            encryption_keys=settings.encryption_keys,
            blob_limit=2 * settings.max_mail_bytes,
            hooks=self.hook_kinds,
        )
        self.journal = SettlementJournal(settings.journal_folder)
        self.ways_out = self._made_ways_out(self.store)
        self._watch = FileWatch(settings.files)
        self.renderer = Renderer(
            TemplateLibrary(settings.template_folders, settings.untrusted_folders, look_every=LOOK_EVERY),
            engine=_engine,
            shared=_shared_code,
        )
        self.redactor = Redactor(self.renderer.sensitive)
        self._join()

    def _join(self) -> None:
        settings = self.settings
        for key in settings.dkim.keys:
            if key.is_short:
                log.warning("the DKIM key %s has %d bits, and receivers want 2048", key.record_name, key.bits)
        self.composer = Composer(
            self.renderer,
            self.store,
            settings.sender,
            signer=Signer(settings.dkim.keys, settings.dkim_expires),
            own_fields=OwnFields(settings.unsubscribe, settings.policies.mailing_list_of, settings.feedback_id),
            returning=settings.bounces.returning,
        )
        self.courier = Courier(
            store=self.store,
            router=self.router(self.ways_out.accounts),
            composer=self.composer,
            limiter=Limiter(self.store.rates, settings.matrix.tenants, settings.domain_rates),
            pauses=self.store.pause_board,
            table=settings.policies.table_of,
            timing=Timing(session_wait=self._session_wait(), dot_deadline=settings.dot_deadline),
            listener=self.listener,
            redacted=self.redactor.settlement,
            keep=self.journal.keep,
            shield=soft_limit,
            mailing_list=settings.policies.mailing_list_of,
            draining=lambda: orders.draining,
        )
        self.intake = Intake(
            template_known=self.renderer.require,
            defaults=self.renderer.defaults,
            check_context=self._check_context,
            classes=settings.classes,
            tenants=settings.matrix.tenants,
            sender=settings.sender,
            max_bytes=settings.max_mail_bytes,
            blob_name=blob_name,
            sources=Sources(settings.attachment_roots, self.store.shared.use, Fetcher(settings.attachment_urls).fetch),
        )
        self._watch = self._watch.of(settings.files)

    def _check_context(self, email: Email) -> None:
        link = self.composer.own_fields.link
        self.renderer.check_context(email.template, email.context, lambda: supplied(link(email)))

    def _made_ways_out(self, store: RedisStore | None) -> WaysOut:
        settings = self.settings
        return WaysOut(
            settings.accounts,
            rules=settings.breakers,
            listener=self.listener,
            store=store,
            transcripts=settings.transcripts and store is not None,
        )

    def router(self, accounts: Mapping[str, Account]) -> Router:
        """Who may send by which of these ways out, and how long a mail that is sent at once waits there."""
        settings = self.settings
        wait = settings.session_wait or AT_ONCE_WAIT
        return Router(settings.matrix.tenants, accounts, settings.sender, wait)

    @property
    def inline_router(self) -> Router:
        """For sending at once, which asks no store: breakers and pools of its own."""
        if self._inline is None:
            self._inline = self._made_ways_out(None)
        return self.router(self._inline.accounts)

    def _session_wait(self) -> float:
        """Of a worker's mails: somebody else may send them meanwhile."""
        return self.settings.session_wait or max(endpoint.timeouts.connect for endpoint in self.settings.endpoints)

    def look_at_files(self) -> None:
        """Take in what has changed in the files that settings came from: a new password, other tenants. Where the worker
        was told to (SIGHUP), take in everything that is read, at once.

        What cannot work is logged, and what was there before stays. Broker and store stay until the next start.
        """
        if self.reload is None or not self._looking.acquire(blocking=False):
            return
        try:
            if self._told_to_reload() or self._watch.changed():
                self._take_in(self.reload())
        except ConfigurationError as error:
            log.error("changed settings are not taken, those of before stay: %s", error)  # noqa: TRY400 - for operators
        finally:
            self._looking.release()

    def _told_to_reload(self) -> bool:
        before, self._reloads = self._reloads, orders.reloads
        return before != self._reloads

    def _take_in(self, found: Settings) -> None:
        before = self.settings
        self.settings = replace(found, broker_url=before.broker_url, store_url=before.store_url)
        self.ways_out.replace(found.accounts)
        if self._inline is not None:
            self._inline.replace(found.accounts)
        self._join()
        log.warning("changed settings are in use: accounts %s", ", ".join(sorted(found.accounts)))

    def pace(self, queue: str) -> Pace:
        """What this process has learned of the queue's speed."""
        return self._paces.setdefault(queue, Pace(self.settings.batch))

    def close(self, grace: float) -> None:
        """Say QUIT to parked sessions, wait up to ``grace`` seconds for lent ones, close the store's connections."""
        self.ways_out.close(grace)
        if self._inline is not None:
            self._inline.close(0.0)
        self.store.close()


def _hook_kinds(settings: Settings) -> Iterator[HookKind]:
    """Who is told, from this process's start to its end."""
    if signals.anybody_listens():
        yield HookKind.SIGNAL
    if settings.webhook is not None:
        yield HookKind.WEBHOOK


_lock = threading.Lock()
_runtimes: dict[int, Runtime] = {}
_without_broker: dict[int, Runtime] = {}
_settings: Settings | None = None
_engine: Engine | None = None  # of the templates whose names have a slash
_shared_code: SharedCode | None = None  # of a worker's processes
_given = False  # the settings were chosen by `configure`
_source: Callable[[], Mapping[str, str]] | None = None  # of their texts; None: the environment


def _fresh_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)


def settings() -> Settings:
    """The settings of this process, read once from where they are. Raises `ConfigurationError`."""
    global _settings  # noqa: PLW0603 - one tree a process
    if _settings is None:
        _settings = _load()
    return _settings


def _texts() -> Mapping[str, str]:
    texts = os.environ if _source is None else _source()
    if not _overlay:
        return texts
    return {name: text for name, text in texts.items() if name.removesuffix("_FILE") not in _overlay} | _overlay


def _load() -> Settings:
    texts = _texts()
    broker = None if _BROKER in texts or f"{_BROKER}_FILE" in texts else common_broker()
    return Settings.load({**texts, _BROKER: broker} if broker else texts)


def read_settings_from(source: Callable[[], Mapping[str, str]] | None) -> None:
    """Take the texts of settings from there in place of the environment (None: from the environment), when they are needed next.

    Ends the runtime, but where `configure` has chosen the settings: those stay.
    """
    global _source  # noqa: PLW0603 - one tree a process
    _source = source
    if not _given:
        configure(None)


def render_others_by(engine: Engine | None) -> None:
    """Templates whose names have a slash are this engine's, in runtimes that are made from now on."""
    global _engine  # noqa: PLW0603 - one engine a process
    _engine = engine


def share_code() -> None:
    """In a worker's main process, before it forks: what one child compiles and links is there for all, those as well that are forked later."""
    global _shared_code  # noqa: PLW0603 - one a worker
    if _shared_code is None:
        try:
            _shared_code = SharedCode()
        except OSError as error:
            log.warning("each child compiles its templates by itself, for there is no memory to share: %s", error)


def configure(chosen: Settings | None) -> None:
    """Use these settings in place of those that are read (None: read them again); ends the runtime."""
    global _settings, _given
    shut_down(grace=0.0)
    _settings, _given = chosen, chosen is not None


def inline_settings() -> Settings:
    """The settings for sending at once: broker and store, which that does not use, may be missing."""
    try:
        return settings()
    except ConfigurationError:
        return _load_without_broker()


def _load_without_broker() -> Settings:
    texts = _texts()
    unused = {name: url for name, url in _UNUSED.items() if f"{name}_FILE" not in texts}
    return Settings.load({**unused, **texts})


def inline_runtime() -> Runtime:
    """This process's runtime, for sending at once; of its own where no broker is named, for who enqueues needs one."""
    pid = os.getpid()
    if pid in _runtimes:
        return runtime()
    if pid not in _without_broker:
        chosen = inline_settings()
        if chosen is _settings:
            return runtime()
        with _lock:
            _without_broker.setdefault(pid, Runtime(chosen, reload=_load_without_broker))
    mine = _without_broker[pid]
    mine.look_at_files()
    return mine


def runtime() -> Runtime:
    """This process's runtime."""
    pid = os.getpid()
    with _lock:
        if pid not in _runtimes:
            _runtimes[pid] = Runtime(settings(), reload=None if _given else _load)
        mine = _runtimes[pid]
    mine.look_at_files()
    return mine


def shut_down(grace: float) -> None:
    """Close what this process has."""
    with _lock:
        ended = [kept.pop(os.getpid(), None) for kept in (_runtimes, _without_broker)]
    for mine in ended:
        if mine is not None:
            mine.close(grace)


_overlay: dict[str, str] = {}


@contextlib.contextmanager
def overlaid(texts: Mapping[str, str]) -> Iterator[None]:
    """For tests: these settings before those of whichever source, until the block ends. Raises `ConfigurationError`."""
    global _overlay  # noqa: PLW0603 - one tree a process
    if _given:
        raise ConfigurationError(
            ["the settings were chosen with use_settings, and a test cannot lay its own over them"]
        )
    before = _overlay
    try:
        _overlay = {**before, **texts}
        configure(None)
        yield
    finally:
        _overlay = before
        forget_settings()


def forget_settings() -> None:
    """Read the settings again when they are needed next, but where `configure` has chosen them."""
    if not _given:
        configure(None)
