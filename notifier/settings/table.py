"""The table that the settings are read by, a row each. The reference in docs/ is written from it."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.model.breaker import ACCOUNT_RULE, HOST_RULE
from notifier.model.mail_class import Durability
from notifier.settings import parsers
from notifier.settings.attachments import parse_prefixes
from notifier.settings.blobs import parse_blobs
from notifier.settings.bounces import bounce_to, mailbox, tolerance
from notifier.settings.dkim import parse_dkim
from notifier.settings.encryption import parse_keys
from notifier.settings.listening import parse_listen_at
from notifier.settings.policies import parse_policies
from notifier.settings.signing import parse_signing_keys
from notifier.settings.tenants import parse_tenants
from notifier.settings.unsubscribe import unsubscribe_for, unsubscribe_keys, unsubscribe_url
from notifier.settings.ways import parse_way


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
        "Celery's broker, for the bells: Redis, Valkey or RabbitMQ (amqp://). Unset: CELERY_BROKER_URL, then REDIS_URL.",
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
    Setting(
        "NOTIFIER_TCP_USER_TIMEOUT",
        parsers.seconds,
        None,
        "Seconds that octets may be on their way to a relay before the system gives the connection up (on Linux). Unset: as long as "
        "the relay has for a block of the message, its timeout_body_block, and five more.",
    ),
    Setting("NOTIFIER_DOT_MARGIN", parsers.seconds, "60", "Seconds on top before a mail at the dot is taken over."),
    Setting(
        "NOTIFIER_JOURNAL",
        parsers.state_folder,
        "",
        "The folder on this host's disk for settlements that the store could not take; of this user alone. Unset: "
        "notifier/journal in the user's state directory, or where he has none, in the temporary directory.",
    ),
    Setting(
        "NOTIFIER_HEALTH",
        parsers.file_to_be,
        "",
        "The file, by its whole path, that a worker writes for `notifier alive` and `notifier ready`; one for each worker of a host. "
        "Unset: none. See [operating](../how-to/operating.md).",
    ),
    Setting("NOTIFIER_BATCH", parsers.count, "50", "The most mails that a worker slot claims at once."),
    Setting(
        "NOTIFIER_SESSION_WAIT",
        parsers.seconds_or_unset,
        "",
        "Seconds that a mail waits for a session where the pool's are all in use (`pool=`), first come first served. A worker puts it "
        "back then, and no attempt is counted; where it is sent at once, the call fails. Unset: as long as connecting may take "
        "(`timeout_connect`), for a failed one gives its place back by then; 30 where it is sent at once, for there nobody else would.",
    ),
    Setting("NOTIFIER_TIME_SLICE", parsers.seconds, "2", "Seconds after which a slot rings again for the rest."),
    Setting("NOTIFIER_RETRY_SCALE", parsers.factor, "1", "Multiplies every wait between attempts (demos, tests)."),
    Setting(
        "NOTIFIER_BREAKER_FAILURES",
        parsers.count,
        str(HOST_RULE.consecutive),
        "Failures of a relay in a row after which mails wait for it; two where it does not answer at all. "
        "Over half of the last 20 will do as well.",
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
        "NOTIFIER_BOUNCE_TO",
        bounce_to,
        "",
        "The mailbox that bounces come to. Each mail's reverse-path is bounce+TOKEN@example.com where this is bounce@example.com, "
        "but for accounts with an `envelope_from` of their own. See [bounces and complaints](../how-to/bounces.md).",
    ),
    Setting(
        "NOTIFIER_BOUNCE_KEYS",
        parse_signing_keys,
        "",
        "Keys, id:secret with blanks between (secrets of 32 characters or more): the tokens in reverse-paths and ENVIDs are "
        "signed with the first, and known by any, so that nobody can forge a bounce.",
        secret=True,
    ),
    Setting(
        "NOTIFIER_BOUNCE_UNSIGNED",
        parsers.one_of("ignore", "count"),
        "ignore",
        "Reports that name a mail by its Message-ID alone, which all who have seen the mail know: `count` them, or `ignore` them.",
    ),
    Setting(
        "NOTIFIER_BOUNCE_TOLERANCE",
        tolerance,
        "3/30d",
        "So many mails in so long a time bounce for a reason that may pass (a full mailbox) before their address is not mailed for "
        "NOTIFIER_SUPPRESS_FOR.",
    ),
    Setting(
        "NOTIFIER_BOUNCE_MAILBOX",
        mailbox,
        "",
        "What `notifier bounce poll` looks into: the whole path of a Maildir, or imaps://user:password@host/folder.",
        secret=True,
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
        "NOTIFIER_TRANSCRIPTS",
        parsers.one_of("off", "on"),
        "off",
        "`on`: what was said to the relay at an attempt that did not get through is kept in the mail's history until it has ended, "
        "the last 100 lines, without secrets and without the message. See [the console](../how-to/console.md).",
    ),
    Setting(
        "NOTIFIER_EVIDENCE_TIMEOUT",
        parsers.seconds,
        "10",
        "Seconds that each source of evidence has for its answer.",
    ),
    Setting(
        "NOTIFIER_METRICS",
        parse_listen_at,
        "",
        "Where a worker serves its metrics for Prometheus: a port on loopback such as 9464, or 0.0.0.0:9464 for everybody who reaches it "
        "(`pip install notifier-worker[metrics]`). Unset: nowhere. See [metrics](../how-to/metrics.md).",
    ),
    Setting(
        "NOTIFIER_LOG",
        parsers.one_of("console", "json"),
        "console",
        "How a worker's log is written: lines for people, or a JSON object a line. See [metrics](../how-to/metrics.md#logs).",
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
