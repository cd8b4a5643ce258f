"""`Settings`: the whole tree, read by the table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import Unsubscribe
from notifier.delivery.webhook import Webhook
from notifier.errors import ConfigurationError
from notifier.model.address import Address
from notifier.model.breaker import BreakerRule, BreakerRules
from notifier.model.limits import DomainRates
from notifier.model.mail_class import MailClass
from notifier.model.secret import Secret
from notifier.model.tenant import DEFAULT
from notifier.settings import parsers
from notifier.settings.bounces import Bounces, bounces_of
from notifier.settings.dkim import DkimKeys
from notifier.settings.listening import ListenAt
from notifier.settings.policies import Policies
from notifier.settings.relay import ManyProblems
from notifier.settings.sources import files_of, texts
from notifier.settings.table import TABLE, Setting
from notifier.settings.tenants import Account, Matrix
from notifier.settings.together import check_together
from notifier.settings.ways import Way, endpoints_of, with_user_timeout
from notifier.smtp import Endpoint
from notifier.store.base import Takeover
from notifier.store.blobs.choice import BlobsAt

MISSED_SWEEPS = 4  # after which a worker, or the store, was away
_BROKER_FALLBACKS = ("CELERY_BROKER_URL", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, checked. Durations are seconds. ``repr`` shows no secret, for secrets are `Secret`."""

    broker_url: Secret
    store_url: Secret
    relays: Way
    matrix: Matrix
    domain_rates: DomainRates
    dkim: DkimKeys
    dkim_expires: float | None
    unsubscribe: Unsubscribe | None
    feedback_id: str
    sender: Address
    template_folders: tuple[Path, ...]
    max_mail_bytes: int
    attachment_roots: tuple[Path, ...]
    attachment_urls: tuple[str, ...]
    blobs: BlobsAt
    encryption_keys: tuple[Secret, ...]
    payload_keys: tuple[SigningKey, ...]
    durability: str
    store_timeout: float
    sweep_interval: float
    dot_deadline: float
    session_wait: float | None
    takeover: Takeover
    journal_folder: Path
    batch: int
    time_slice: float
    policies: Policies
    breakers: BreakerRules
    suppress_for: float
    retention: float
    idempotency_window: float
    relay_log: Path | None
    evidence_timeout: float
    bounces: Bounces
    webhook: Webhook | None = None
    transcripts: bool = False
    metrics: ListenAt | None = None
    log: str = "console"
    retry_scale: float = 1.0
    health_file: Path | None = None
    untrusted_folders: tuple[Path, ...] = ()
    report_modules: tuple[str, ...] = ()
    delivery_report_to: tuple[Address, ...] = ()
    files: tuple[Path, ...] = ()  # that were read

    @property
    def classes(self) -> Mapping[str, MailClass]:
        """Every mail class by its name."""
        return self.policies.classes

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every relay's, in their order."""
        return tuple(endpoint for one in self.accounts.values() for endpoint in endpoints_of(one.relays))

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Every account by its name, that of ``NOTIFIER_SMTP_URL`` among them."""
        return {DEFAULT: Account(self.relays), **self.matrix.accounts}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Raises `ConfigurationError` with every problem at once, secrets left out."""
        source = os.environ if environ is None else environ
        problems: list[str] = []
        given = texts(source, [row.name for row in TABLE], [row.name for row in TABLE if row.secret], problems)
        _fall_back(given, source)
        values = {row.name: _parsed(row, given, problems) for row in TABLE}
        check_together(values, problems)
        if problems:
            raise ConfigurationError(problems)
        own_files = (*values["NOTIFIER_TENANTS"].files, *values["NOTIFIER_DKIM"].files)
        return cls(**_fields(values), files=(*files_of(source), *own_files))


def _fall_back(given: dict[str, str], environ: Mapping[str, str]) -> None:
    for name in _BROKER_FALLBACKS:
        if environ.get(name) and "NOTIFIER_BROKER_URL" not in given:
            given["NOTIFIER_BROKER_URL"] = environ[name]
    broker = given.get("NOTIFIER_BROKER_URL", "")
    if "NOTIFIER_STORE_URL" not in given and broker.partition("://")[0] in parsers.STORE_SCHEMES:
        given["NOTIFIER_STORE_URL"] = broker


def _parsed(row: Setting, given: Mapping[str, str], problems: list[str]) -> Any:
    text = given.get(row.name, row.default)
    if text is None:
        return None
    try:
        return row.parse(text)
    except ManyProblems as error:
        problems.extend(f"{row.name} {problem}" for problem in error.problems)
    except ValueError as error:
        problems.append(f"{row.name} {error}")
    return None


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    dot_deadline = values["NOTIFIER_DOT_DEADLINE"]
    user_timeout: float | None = values["NOTIFIER_TCP_USER_TIMEOUT"]
    relays = with_user_timeout(values["NOTIFIER_SMTP_URL"], user_timeout)
    matrix = _with_user_timeout(values["NOTIFIER_TENANTS"], user_timeout)
    every = (relays, *(account.relays for account in matrix.accounts.values()))
    patience = max(_last_octet(endpoint) for way in every for endpoint in endpoints_of(way))
    return {
        "broker_url": values["NOTIFIER_BROKER_URL"],
        "store_url": values["NOTIFIER_STORE_URL"],
        "relays": relays,
        "matrix": matrix,
        "domain_rates": values["NOTIFIER_DOMAIN_RATES"],
        "dkim": values["NOTIFIER_DKIM"],
        "dkim_expires": values["NOTIFIER_DKIM_EXPIRES"],
        "unsubscribe": _unsubscribe(values),
        "feedback_id": values["NOTIFIER_FEEDBACK_ID"],
        "sender": values["NOTIFIER_FROM"],
        "template_folders": values["NOTIFIER_TEMPLATES"],
        "max_mail_bytes": values["NOTIFIER_MAX_MAIL_BYTES"],
        "attachment_roots": values["NOTIFIER_ATTACHMENT_ROOTS"],
        "attachment_urls": values["NOTIFIER_ATTACHMENT_URLS"],
        "blobs": values["NOTIFIER_BLOBS"],
        "encryption_keys": values["NOTIFIER_ENCRYPTION_KEYS"],
        "payload_keys": values["NOTIFIER_PAYLOAD_KEYS"],
        "durability": values["NOTIFIER_DURABILITY"],
        "store_timeout": values["NOTIFIER_STORE_TIMEOUT"],
        "sweep_interval": values["NOTIFIER_SWEEP_INTERVAL"],
        "dot_deadline": dot_deadline,
        "session_wait": values["NOTIFIER_SESSION_WAIT"],
        "takeover": Takeover(
            lease=values["NOTIFIER_LEASE"],
            at_dot=dot_deadline + patience + values["NOTIFIER_DOT_MARGIN"],
            # A bell is published within milliseconds; one that lies nowhere after half a sweep is lost.
            bell=values["NOTIFIER_SWEEP_INTERVAL"] / 2,
            batch=values["NOTIFIER_BATCH"],
            grace=values["NOTIFIER_SWEEP_INTERVAL"] * MISSED_SWEEPS,
        ),
        "journal_folder": values["NOTIFIER_JOURNAL"],
        "health_file": values["NOTIFIER_HEALTH"],
        "batch": values["NOTIFIER_BATCH"],
        "time_slice": values["NOTIFIER_TIME_SLICE"],
        "policies": values["NOTIFIER_POLICIES"].scaled(values["NOTIFIER_RETRY_SCALE"]),
        "breakers": _breaker_rules(values),
        "bounces": bounces_of(values),
        "suppress_for": values["NOTIFIER_SUPPRESS_FOR"],
        "retention": values["NOTIFIER_RETENTION"],
        "idempotency_window": values["NOTIFIER_IDEMPOTENCY_WINDOW"],
        "relay_log": values["NOTIFIER_RELAY_LOG"],
        "evidence_timeout": values["NOTIFIER_EVIDENCE_TIMEOUT"],
        "transcripts": values["NOTIFIER_TRANSCRIPTS"] == "on",
        "webhook": _webhook(values),
        "metrics": values["NOTIFIER_METRICS"],
        "log": values["NOTIFIER_LOG"],
        "retry_scale": values["NOTIFIER_RETRY_SCALE"],
        "untrusted_folders": values["NOTIFIER_UNTRUSTED_TEMPLATES"],
        "report_modules": values["NOTIFIER_REPORTS"],
        "delivery_report_to": values["NOTIFIER_DELIVERY_REPORT_TO"],
    }


def _last_octet(endpoint: Endpoint) -> float:
    """Seconds after the dot deadline: who waits in vain for the reply closes the connection, and the system goes on."""
    return endpoint.timeouts.final_reply + endpoint.silence


def _with_user_timeout(matrix: Matrix, seconds: float | None) -> Matrix:
    accounts = {
        name: replace(account, relays=with_user_timeout(account.relays, seconds))
        for name, account in matrix.accounts.items()
    }
    return replace(matrix, accounts=accounts)


def _webhook(values: Mapping[str, Any]) -> Webhook | None:
    url = values["NOTIFIER_WEBHOOK_URL"]
    return None if url is None else Webhook(url, *values["NOTIFIER_WEBHOOK_SECRET"])


def _unsubscribe(values: Mapping[str, Any]) -> Unsubscribe | None:
    url, keys = values["NOTIFIER_UNSUBSCRIBE_URL"], values["NOTIFIER_UNSUBSCRIBE_KEYS"]
    return Unsubscribe(url, keys, values["NOTIFIER_UNSUBSCRIBE_FOR"]) if url else None


def _breaker_rules(values: Mapping[str, Any]) -> BreakerRules:
    relay, account = values["NOTIFIER_BREAKER_OPEN"], values["NOTIFIER_ACCOUNT_BREAKER_OPEN"]
    rules = BreakerRules(
        BreakerRule(consecutive=values["NOTIFIER_BREAKER_FAILURES"], first=relay, longest=20 * relay),
        BreakerRule(first=account, longest=12 * account),
    )
    return rules.scaled(values["NOTIFIER_RETRY_SCALE"])
