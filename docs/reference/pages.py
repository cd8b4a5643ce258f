"""Each reference page, and each diagram, as a function of the code."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from importlib import import_module

import click

from docs.reference.api import api
from docs.reference.diagrams import mail, session
from docs.reference.fixed import FIXED
from docs.reference.rows import MEANING
from notifier import errors
from notifier.cli.ending import Exit
from notifier.cli.main import COMMANDS
from notifier.model.state import EDGES, EVIDENCE, MailState
from notifier.protocol.taxonomy import LOSSES, ROWS, RULES, Rule
from notifier.settings.options import options
from notifier.settings.table import TABLE
from notifier.telemetry.metrics import METRICS, MOST_VALUES, OTHER, Metric, Source

_SHARED = """\
## Who shares sessions

Mails share sessions where all of this is the same: host and port, TLS policy, certificates, pins, login, EHLO name, source address, proxy,
times and caps. Another password is another login; the sessions of the old one end when they come back. Two tenants that may use one
account, and two accounts with one login, share its sessions ([why](../adr/0011-tenants-and-limits.md)); `weight=` divides mails and
makes no difference. Where one relay is written twice with other bounds (`pool=`, `max_age=`, …), it has two pools in each process, each with its own
bounds; `connections=` and `rate=` are counted by host and port for all pools of all workers, so write the same in each URL.
"""
_FIXED_HEAD = """\
## Fixed, and why

These are no options: nobody's relay needs another value, or another value would break what stands beside it.

| what | value | why |
|---|---|---|
"""


def settings() -> str:
    """Every setting."""
    rows = "\n".join(f"| `{row.name}` | {f'`{row.default}`' if row.default else '–'} | {row.doc} |" for row in TABLE)
    return (
        "# Settings\n\nFrom the environment. Any of them also from a file: `NAME_FILE=/path`; a file that holds a secret must "
        "not be readable by\neverybody. Unknown names that begin with `NOTIFIER_` are refused.\n\n"
        f"| name | default | what it is |\n|---|---|---|\n{rows}\n"
    )


def relay_url() -> str:
    """Every option of a relay's URL, with its default and its reason."""
    rows = "\n".join(f"| `{one.name}` | {one.default} | {one.mx} | {one.doc} |" for one in options())
    fixed = "".join(f"| {one.what} | {one.value} | {one.why} |\n" for one in FIXED)
    return (
        "# The URL of a relay\n\n`NOTIFIER_SMTP_URL` and the URLs of accounts: `smtp://user:password@host:port?option=value&…`, "
        "`smtps://` (TLS from the start),\n`lmtp://`, `lmtp+unix:///path`, or `mx://?…` for the recipients' own servers "
        "([how](../how-to/direct-delivery.md), with the options\nthat it alone has). Several relays: "
        "[how](../how-to/tenants-and-limits.md). Times are seconds.\n\n"
        f"| option | default | with `mx://` | what it is, and why |\n|---|---|---|---|\n{rows}\n\n"
        f"{_SHARED}\n{_FIXED_HEAD}{fixed}"
    )


def metrics() -> str:
    """Every metric."""
    head = (
        "# Metrics\n\nFor Prometheus: [how](../how-to/metrics.md). Labels in *italics* are bounded: values that come when there are "
        f"{MOST_VALUES} of them already\nare counted as `{OTHER}`.\n"
    )
    parts = [head]
    for source, title in _METRICS_OF.items():
        rows = "\n".join(_metric(one) for one in METRICS if one.source is source)
        parts.append(f"## {title}\n\n| name | kind | labels | what it is |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


_METRICS_OF = {
    Source.WORKER: "A worker's (`/metrics` of each worker: add them up)",
    Source.STORE: "The store's (`/metrics/store` of any worker, or `notifier metrics`: one answer for all)",
}


def _metric(one: Metric) -> str:
    labels = ", ".join(f"*{label}*" if label in one.bounded else label for label in one.labels)
    return f"| `{one.name}` | {one.kind} | {labels or '–'} | {one.doc} |"


def error_tree() -> str:
    """Every error class, and the rows of the taxonomy."""
    classes = [
        (name, value)
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == errors.__name__
    ]
    table = "\n".join(
        f"| `{name}` | {', '.join(f'`{base.__name__}`' for base in value.__bases__)} | "
        f"{(value.__dict__.get('__doc__') or '').splitlines()[0] if value.__dict__.get('__doc__') else 'a leaf of both axes'} |"
        for name, value in classes
    )
    rows = "\n".join(
        f"| {row} | {MEANING[row]} | {error_class} | {scope} |" for row, (error_class, scope) in ROWS.items()
    )
    return (
        "# Errors\n\nAll in `notifier.errors`.\n\n| class | bases | what it says |\n|---|---|---|\n"
        f"{table}\n\n## Rows of the taxonomy\n\n`DeliveryError.taxonomy_id` is one of these. Which reply is which row: [replies](replies.md).\n\n"
        f"| row | what has happened | class | scope |\n|---|---|---|---|\n{rows}\n\n"
        "Z8, in counters alone: a worker was killed at a mail's dot, and the sweeper found it.\n"
    )


def commands() -> str:
    """Every command with its help."""
    statuses = "\n".join(f"| {one.value} | {one.told} |" for one in Exit)
    beginning = (
        "# The command `notifier`\n\nWhat goes wrong is told on standard error in a sentence that says what to do; with `--json` "
        f"standard output is JSON and nothing else.\n\n| exit status | when |\n|---|---|\n{statuses}\n"
    )
    parts = [beginning]
    for name in sorted(COMMANDS):
        command: click.Command = import_module(COMMANDS[name]).command
        parts.append(_help(command, f"notifier {name}"))
        for verb, sub in getattr(command, "commands", {}).items():
            parts.append(_help(sub, f"notifier {name} {verb}"))
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    # A command keeps the help option that it was asked for first, by whatever names: a copy has none yet.
    fresh = copy.copy(command)
    fresh._help_option = None
    context = click.Context(fresh, info_name=name, max_content_width=100, help_option_names=["-h", "--help"])
    return f"## {name}\n\n```text\n{fresh.get_help(context)}\n```\n"


def states() -> str:
    """The states of a mail, and every edge between them."""
    rows = "\n".join(
        f"| `{one}` | {_named(EDGES[one])} | {_named(EVIDENCE.get(one, frozenset()))} |" for one in MailState
    )
    return (
        "# The states of a mail\n\nAn edge that is not here cannot happen: the scripts of the store refuse it. "
        "What each state is: [what is promised](../explanation/delivery.md).\n\n"
        "![Every state with its edges; the table below says the same](states.svg)\n\n"
        f"| from | to | and by proof alone |\n|---|---|---|\n{rows}\n\n"
        "*By proof*: a final reply that was read and reached the ledger late, a report from the recipient's server, or a person's word.\n"
    )


def replies() -> str:
    """What each reply, and each loss, means in each phase."""
    rules = "\n".join(_rule(rule) for rule in RULES)
    losses = "\n".join(
        f"| {phase} | {loss or 'any other'} | {row} | {ROWS[row].error_class} | {ROWS[row].scope} |"
        for (phase, loss), row in LOSSES.items()
    )
    return (
        "# Replies, and what they mean\n\nA reply that is not the one hoped for, and a connection that is lost, is a row of "
        "[the taxonomy](errors.md), by the phase in which it\ncomes. Codes decide, never words. Why it is so: "
        "[the core](../explanation/protocol.md).\n\n"
        "![One session, from the greeting to the final reply](session.svg)\n\n"
        "## Replies\n\nThe first line that fits decides; a dot stands for any digit.\n\n"
        f"| phase | code | enhanced code | only | row | class | scope |\n|---|---|---|---|---|---|---|\n{rules}\n\n"
        f"## Losses\n\n| phase | how | row | class | scope |\n|---|---|---|---|---|\n{losses}\n\n"
        "On a connection that had carried mail before, a loss at MAIL or RSET is row M0: it had died while it was parked.\n"
    )


def _rule(rule: Rule) -> str:
    codes, enhanced = (
        text.replace("\\", "").replace(".*", "x").replace("|", "`, `") for text in (rule.codes, rule.enhanced)
    )
    only = [
        *(["on a connection that was parked"] if rule.reused else []),
        *(["behind an accepted recipient"] if rule.after_accepted else []),
    ]
    row = ROWS[rule.row]
    cells = (rule.phase, f"`{codes}`", f"`{enhanced}`" if enhanced else "any", " ".join(only) or "–", rule.row, *row)
    return f"| {' | '.join(cells)} |"


def _named(edges: frozenset[MailState]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(edges)) or "–"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "relay-url.md": relay_url,
    "metrics.md": metrics,
    "errors.md": error_tree,
    "commands.md": commands,
    "api.md": api,
    "states.md": states,
    "states.svg": mail,
    "replies.md": replies,
    "session.svg": session,
}
