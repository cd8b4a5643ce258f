"""`Settings`: the whole tree, and the table that it is read by. The reference in docs/ is written from the table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import Unsubscribe
from notifier.delivery.webhook import Webhook
from notifier.errors import ConfigurationError
from notifier.model.address import Address
from notifier.model.breaker import ACCOUNT_RULE, HOST_RULE, BreakerRule, BreakerRules
from notifier.model.limits import DomainRates
from notifier.model.mail_class import Durability, MailClass
from notifier.model.secret import Secret
from notifier.model.tenant import DEFAULT
from notifier.settings import parsers
from notifier.settings.attachments import parse_prefixes
from notifier.settings.blobs import parse_blobs
from notifier.settings.dkim import DkimKeys, parse_dkim
from notifier.settings.encryption import parse_keys
from notifier.settings.policies import Policies, parse_policies
from notifier.settings.relay import ManyProblems
from notifier.settings.signing import parse_signing_keys
from notifier.settings.sources import files_of, texts
from notifier.settings.tenants import Account, Matrix, parse_tenants
from notifier.settings.together import check_together
from notifier.settings.unsubscribe import unsubscribe_for, unsubscribe_keys, unsubscribe_url
from notifier.settings.ways import Way, endpoints_of, parse_way
from notifier.smtp import Endpoint
from notifier.store.base import Takeover
from notifier.store.blobs.choice import BlobsAt


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: how it is called, read, and explained. ``default`` is text, as one would write it."""

    name: str
    parse: parsers.Parser
    default: str | None
    doc: str
    secret: bool = False


TABLE: tuple[Setting, ...] = (
    Setting(
        "NOTIFIER_BROKER_URL",
        parsers.server_url(*parsers.BROKER_SCHEMES),
        None,
        "Celery's broker, for the bells. Unset: CELERY_BROKER_URL, then REDIS_URL.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_STORE_URL",
        parsers.server_url(*parsers.STORE_SCHEMES),
        None,
        "The Redis or Valkey that keeps the mails. Unset: the broker, where that is one.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_SMTP_URL",
        parse_way,
        "smtp://localhost:25",
        "The relay, or several: with a blank between them the next is used where the one before cannot be, with a comma "
        "they share the mails (weight=). smtp://, smtps://, lmtp:// or lmtp+unix://, with user:password@ and options: "
        "[the URL of a relay](relay-url.md). Without tls=, STARTTLS is required everywhere but on loopback without a password. "
        "mx:// stands alone: mail goes to the recipients' own servers.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_TENANTS",
        parse_tenants,
        "",
        "A TOML file with further accounts (relays with their logins), and with tenants: who may send as whom through which "
        "account, how many mails a second. Without it there is one tenant that may send as anybody.",
    ),
    Setting(
        "NOTIFIER_DOMAIN_RATES",
        parsers.domain_rates,
        "",
        "Mails a second to recipient domains from all workers together, such as gmail.com=20 example.org=100/min *=5; "
        "* is each of the others. What is over waits in the store.",
    ),
    Setting(
        "NOTIFIER_POLICIES",
        parse_policies,
        "",
        "A TOML file with mail classes of your own (delivery, deadline, queue) and with rows laid over the retry table, for all "
        "mails or for a class.",
    ),
    Setting(
        "NOTIFIER_DKIM",
        parse_dkim,
        "",
        "Keys that mails are signed with, domain:selector:/path/of/key.pem with blanks between (`pip install notifier-worker[dkim]`). "
        "The key of the domain in From signs, or of one above it; a domain may have one RSA and one Ed25519 key. See "
        "[signing and unsubscribing](../how-to/dkim-and-unsubscribe.md).",
    ),
    Setting(
        "NOTIFIER_DKIM_EXPIRES",
        parsers.seconds,
        None,
        "Seconds after which a DKIM signature is over, counted from when the mail may be sent. Unset: never.",
    ),
    Setting(
        "NOTIFIER_UNSUBSCRIBE_URL",
        unsubscribe_url,
        "",
        "Where the unsubscribe endpoint is reached, https://; mails of a class that is `list_unsubscribe` (bulk is) carry a link there. "
        "See [signing and unsubscribing](../how-to/dkim-and-unsubscribe.md).",
    ),
    Setting(
        "NOTIFIER_UNSUBSCRIBE_KEYS",
        unsubscribe_keys,
        "",
        "Keys, id:secret with blanks between (secrets of 32 characters or more): links are made with the first, and open with any "
        "(`pip install notifier-worker[dkim]`). Never drop one whose links are still in mailboxes.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_UNSUBSCRIBE_FOR",
        unsubscribe_for,
        None,
        "Seconds that an unsubscribe link is good for, 30 days or more. Unset: for ever.",
    ),
    Setting(
        "NOTIFIER_FEEDBACK_ID",
        parsers.feedback_id,
        "",
        "The sender's id in Feedback-ID, 5 to 15 letters, digits, - and _; the template, the tenant and the mail class stand before "
        "it. Unset: no such header.",
    ),
    Setting("NOTIFIER_FROM", parsers.address, "Notifier <notifier@localhost>", "From, where a mail names no sender."),
    Setting("NOTIFIER_TEMPLATES", parsers.folders, "", "Folders with templates, divided as in PATH; searched first."),
    Setting(
        "NOTIFIER_UNTRUSTED_TEMPLATES",
        parsers.folders,
        "",
        "Folders with templates that others write, divided as in PATH; searched last, and rendered in a process of their own "
        "with limits: [how](../how-to/templates.md#templates-that-strangers-write).",
    ),
    Setting(
        "NOTIFIER_MAX_MAIL_BYTES", parsers.count, str(50 * 2**20), "The largest mail, octets, attachments included."
    ),
    Setting(
        "NOTIFIER_ATTACHMENT_ROOTS",
        parsers.whole_folders,
        "",
        "Folders, divided as in PATH: files are attached from there alone, and no link below them is followed. Unset: whatever "
        "the application's process may read. See [attachments](../how-to/attachments.md).",
    ),
    Setting(
        "NOTIFIER_ATTACHMENT_URLS",
        parse_prefixes,
        "",
        "What the URLs of attachments may begin with, such as s3://reports/, with blanks between; never http://, file:// and "
        "the like (`pip install notifier-worker[blobs]`). Unset: no URL is fetched. See [attachments](../how-to/attachments.md).",
    ),
    Setting(
        "NOTIFIER_BLOBS",
        parse_blobs,
        "redis:256MB",
        "Where attachments lie, and payloads and composed messages over 64 KB. redis:SIZE: in the store, so much of all of "
        "them together. dir:/path: a directory that every host sees under this path. s3://bucket/path and whatever else fsspec knows: "
        "an object store (`pip install notifier-worker[blobs]`). See [where big things lie](../how-to/blobs.md).",
        secret=True,
    ),
    Setting(
        "NOTIFIER_ENCRYPTION_KEYS",
        parse_keys,
        "",
        "Fernet keys with blanks between: contexts, messages and attachments are encrypted at rest with the first, and read with any "
        "(`pip install notifier-worker[encryption]`). See [personal data](../how-to/personal-data.md).",
        secret=True,
    ),
    Setting(
        "NOTIFIER_PAYLOAD_KEYS",
        parse_signing_keys,
        "",
        "Keys, id:secret with blanks between. With them, mails enqueued by the task's name alone must be signed with one: "
        "[how](../how-to/signed-payloads.md).",
        secret=True,
    ),
    Setting(
        "NOTIFIER_DURABILITY",
        parsers.one_of(*Durability),
        "fsync",
        "fsync: each step is on disk before the next. aof, memory: left to the server. A mail class may say otherwise "
        "(NOTIFIER_POLICIES).",
    ),
    Setting("NOTIFIER_STORE_TIMEOUT", parsers.seconds, "4", "Seconds for each round trip to the store."),
    Setting("NOTIFIER_SWEEP_INTERVAL", parsers.seconds, "5", "Seconds between sweeps; a lost bell costs one at most."),
    Setting("NOTIFIER_LEASE", parsers.seconds, "60", "Seconds that a worker owns what it has claimed."),
    Setting("NOTIFIER_DOT_DEADLINE", parsers.seconds, "30", "Seconds from the dot's record to the terminator at most."),
    Setting("NOTIFIER_TCP_USER_TIMEOUT", parsers.seconds, "30", "Seconds that sent octets may still be on their way."),
    Setting("NOTIFIER_DOT_MARGIN", parsers.seconds, "60", "Seconds on top before a mail at the dot is taken over."),
    Setting(
        "NOTIFIER_JOURNAL",
        parsers.state_folder,
        "",
        "The folder on this host's disk for settlements that the store could not take; of this user alone. Unset: "
        "notifier/journal in the user's state directory, or where he has none, in the temporary directory.",
    ),
    Setting("NOTIFIER_BATCH", parsers.count, "50", "The most mails that a worker slot claims at once."),
    Setting("NOTIFIER_TIME_SLICE", parsers.seconds, "2", "Seconds after which a slot rings again for the rest."),
    Setting("NOTIFIER_RETRY_SCALE", parsers.factor, "1", "Multiplies every wait between attempts (demos, tests)."),
    Setting(
        "NOTIFIER_BREAKER_FAILURES",
        parsers.count,
        str(HOST_RULE.consecutive),
        "Failures of a relay in a row after which mails wait for it. Over half of the last 20 will do as well.",
    ),
    Setting(
        "NOTIFIER_BREAKER_OPEN",
        parsers.seconds,
        f"{HOST_RULE.first:g}",
        "Seconds until one mail probes a failed relay; after each failed probe twice as long, up to 20 times.",
    ),
    Setting(
        "NOTIFIER_ACCOUNT_BREAKER_OPEN",
        parsers.seconds,
        f"{ACCOUNT_RULE.first:g}",
        "Seconds until a refused login is tried again, then twice as long, up to 12 times; relays lock accounts.",
    ),
    Setting(
        "NOTIFIER_SUPPRESS_FOR",
        parsers.seconds,
        str(30 * 86400),
        "Seconds that an address which a server has refused for good (5.1.x) is not mailed; a day where its domain is not known.",
    ),
    Setting(
        "NOTIFIER_WEBHOOK_URL",
        parsers.webhook_url,
        "",
        "Where a signed POST tells what becomes of each mail: https://, or http:// on this host. Unset: nowhere.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_WEBHOOK_SECRET",
        parsers.webhook_secret,
        "",
        "What the POSTs are signed with, as KEY-ID:SECRET of 16 characters or more; the id goes along with each.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_RELAY_LOG",
        parsers.file_to_be,
        "",
        "The log file of the Postfix that takes our mail, where this host can read it: proof for mails of a class that is "
        "evidence_first. See [proof of an unknown outcome](../how-to/evidence.md).",
    ),
    Setting(
        "NOTIFIER_EVIDENCE_TIMEOUT",
        parsers.seconds,
        "10",
        "Seconds that each source of evidence has for its answer.",
    ),
    Setting(
        "NOTIFIER_REPORTS",
        parsers.modules,
        "",
        "Modules that register reports with `@report(…)`, such as shop.reports, with blanks between; workers and "
        "`notifier report` import them. See [reports](../how-to/reports.md).",
    ),
    Setting(
        "NOTIFIER_DELIVERY_REPORT_TO",
        parsers.addresses,
        "",
        "Who gets the report `notifier-delivery` on Mondays at 8:00 UTC, with commas between: what was sent, deferred and failed, by "
        "template and domain. See [reports](../how-to/reports.md).",
    ),
    Setting("NOTIFIER_RETENTION", parsers.seconds, str(7 * 86400), "Seconds that an ended mail can be asked for."),
    Setting("NOTIFIER_IDEMPOTENCY_WINDOW", parsers.seconds, "86400", "Seconds that an idempotency key is remembered."),
)
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
    webhook: Webhook | None = None
    retry_scale: float = 1.0
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
    relays: Way = values["NOTIFIER_SMTP_URL"]
    dot_deadline = values["NOTIFIER_DOT_DEADLINE"]
    matrix: Matrix = values["NOTIFIER_TENANTS"]
    every = (relays, *(account.relays for account in matrix.accounts.values()))
    final_reply = max(endpoint.timeouts.final_reply for way in every for endpoint in endpoints_of(way))
    patience = final_reply + values["NOTIFIER_TCP_USER_TIMEOUT"] + values["NOTIFIER_DOT_MARGIN"]
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
        "takeover": Takeover(
            lease=values["NOTIFIER_LEASE"],
            at_dot=dot_deadline + patience,
            # A bell is published within milliseconds; one that lies nowhere after half a sweep is lost.
            bell=values["NOTIFIER_SWEEP_INTERVAL"] / 2,
            batch=values["NOTIFIER_BATCH"],
            grace=values["NOTIFIER_SWEEP_INTERVAL"] * MISSED_SWEEPS,
        ),
        "journal_folder": values["NOTIFIER_JOURNAL"],
        "batch": values["NOTIFIER_BATCH"],
        "time_slice": values["NOTIFIER_TIME_SLICE"],
        "policies": values["NOTIFIER_POLICIES"].scaled(values["NOTIFIER_RETRY_SCALE"]),
        "breakers": _breaker_rules(values),
        "suppress_for": values["NOTIFIER_SUPPRESS_FOR"],
        "retention": values["NOTIFIER_RETENTION"],
        "idempotency_window": values["NOTIFIER_IDEMPOTENCY_WINDOW"],
        "relay_log": values["NOTIFIER_RELAY_LOG"],
        "evidence_timeout": values["NOTIFIER_EVIDENCE_TIMEOUT"],
        "webhook": _webhook(values),
        "retry_scale": values["NOTIFIER_RETRY_SCALE"],
        "untrusted_folders": values["NOTIFIER_UNTRUSTED_TEMPLATES"],
        "report_modules": values["NOTIFIER_REPORTS"],
        "delivery_report_to": values["NOTIFIER_DELIVERY_REPORT_TO"],
    }


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
