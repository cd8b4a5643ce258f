"""The demo's judgement: every mail compared by content with what was caught, none missing and none twice."""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from notifier.cli.demo.merge import Merge, Row
from notifier.cli.demo.orders import mail_of
from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.state import MailState
from notifier.testing import CaughtMail, Mailbox

if TYPE_CHECKING:
    from notifier.cli.demo.stage import Stage

REFUSED, DEFERRED = "no-such-user", "greylisted"


@dataclass(slots=True)
class Verdict:
    """What is wrong with the run; nothing, mostly. ``latencies`` are seconds from the call to the acceptance."""

    counts: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    window: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    first_call: float = 0.0
    arrivals: list[float] = field(default_factory=list)  # of mails that were accepted at once

    @property
    def all_right(self) -> bool:
        """True where every mail ended as it should."""
        return not self.wrong


def judged(rows: Sequence[Row], mailbox: Mailbox | None) -> Verdict:
    """Compare. Without a mailbox (a relay of your own) only the ledger is looked at."""
    verdict = Verdict()
    caught = mailbox.by_message_id() if mailbox is not None else None
    for row in rows:
        _judge(row, caught, verdict)
    if caught is not None:
        _strangers(rows, caught, verdict)
    return verdict


def _judge(row: Row, caught: dict[str, list[CaughtMail]] | None, verdict: Verdict) -> None:
    kind = _kind(row)
    verdict.counts[kind] += 1
    expected = _expected(row, scripted=caught is not None)
    if kind != expected and {kind, expected} != {"accepted", "accepted after retry"}:
        verdict.wrong.append(f"{row.order.number} <{row.order.email}>: {kind}, and should be {expected}")
    if kind in ("rejected at the call", "refused"):
        verdict.words[f"{kind}: {row.order.email}"] = row.rejection or _words(row)
    if caught is None or row.mail_id is None or row.status is None:
        return
    mails = [mail for key, group in caught.items() if row.mail_id in key for mail in group]
    if row.status.unknowns:
        verdict.window.append(f"{row.order.number} <{row.order.email}>: {row.status.state}, arrived {len(mails)} times")
    _compare(row, mails, verdict)


def _kind(row: Row) -> str:
    if row.rejection is not None:
        return "rejected at the call"
    if row.status is None or row.status.state is not MailState.SENT:
        return "refused" if row.status and row.status.state is MailState.FAILED else "not settled"
    waited = any(entry.get("fault") for entry in row.status.history)
    return "accepted after retry" if waited else "accepted"


def _expected(row: Row, *, scripted: bool) -> str:
    try:
        Address.parse(row.order.to)
    except InvalidAddress:
        return "rejected at the call"
    if scripted and row.order.email.startswith(REFUSED):
        return "refused"
    return "accepted after retry" if scripted and row.order.email.startswith(DEFERRED) else "accepted"


def _words(row: Row) -> str:
    fault = row.status.last_fault if row.status else None
    return f"{fault.code} {fault.text}" if fault else "no reason known"


def _compare(row: Row, mails: Sequence[CaughtMail], verdict: Verdict) -> None:
    """Exactly once; twice only where the window around the final dot was hit, and then it is listed."""
    assert row.status is not None  # noqa: S101 - the caller looked
    where = f"{row.order.number} <{row.order.email}>"
    most = 1 + row.status.unknowns
    if row.status.state is MailState.SENT and not mails:
        verdict.wrong.append(f"{where}: the ledger says sent, and it was not caught")
    if row.status.state is MailState.FAILED and mails:
        verdict.wrong.append(f"{where}: the ledger says refused, and it was caught")
    if len(mails) > most:
        verdict.wrong.append(f"{where}: caught {len(mails)} times")
    for mail in mails:
        verdict.wrong += [f"{where}: {difference}" for difference in _differences(row, mail)]
    if mails:
        verdict.latencies.append(mails[0].received_at - row.enqueued_at)
        verdict.first_call = min(verdict.first_call or row.enqueued_at, row.enqueued_at)
        if _kind(row) == "accepted":
            verdict.arrivals.append(mails[0].received_at)


def _differences(row: Row, mail: CaughtMail) -> list[str]:
    order, message = row.order, mail.message
    asked = mail_of(order)
    to = Address.parse(order.to)
    html_part = message.get_body(("html",))
    html = str(html_part.get_content()) if html_part else ""
    subject_key = order.name if order.kind == "welcome" else order.number
    named = [order.name] if order.kind == "welcome" else [item.name for item in order.items]
    checks = {
        "envelope": mail.recipients == (to.forward_path,),
        "To": [(a.display_name, a.addr_spec) for a in message["To"].addresses] == [(order.name, to.forward_path)],
        "subject": subject_key in mail.subject,
        "text": order.name in mail.text() and all(name in mail.text() for name in named),
        "html": order.name in unescape(html) and "cid:" in html,
        "inline image": "image/png" in _types(message),
        "attachment": _digests(message) == _asked_digests(asked),
        "TLS": mail.tls is not None,
    }
    return [f"{what} differs from what was asked for" for what, right in checks.items() if not right]


def _types(message: EmailMessage) -> set[str]:
    return {part.get_content_type() for part in message.walk()}


def _digests(message: EmailMessage) -> list[str]:
    parts = (part for part in message.walk() if part.get_content_disposition() == "attachment")
    payloads = (part.get_payload(decode=True) for part in parts)
    return [hashlib.sha256(payload).hexdigest() for payload in payloads if isinstance(payload, bytes)]


def _asked_digests(asked: dict[str, object]) -> list[str]:
    files = asked.get("attachments", [])
    assert isinstance(files, list)  # noqa: S101 - `mail_of` makes a list
    return [hashlib.sha256(base64.b64decode(file["data"])).hexdigest() for file in files]


def _strangers(rows: Sequence[Row], caught: dict[str, list[CaughtMail]], verdict: Verdict) -> None:
    known = {row.mail_id for row in rows}
    for message_id in caught:
        if not any(mail_id is not None and mail_id in message_id for mail_id in known):
            verdict.wrong.append(f"a mail was caught that nobody sent: {message_id}")


def print_report(console: Console, verdict: Verdict, merge: Merge, stage: Stage) -> None:
    """The table, the figures, and what is wrong."""
    table = Table("what became of it", "mails", title=f"{len(merge.rows)} rows", title_justify="left")
    for kind in ("accepted", "accepted after retry", "refused", "rejected at the call", "not settled"):
        if verdict.counts[kind] or kind != "not settled":
            table.add_row(kind, str(verdict.counts[kind]))
    console.print(table)
    for what, words in verdict.words.items():
        console.print(f"  {what}\n    {words}", markup=False)
    _print_figures(console, verdict, stage)
    if verdict.window:
        console.print(f"\nIn the window around the final dot when a worker ended ({len(verdict.window)}):")
        for line in verdict.window:
            console.print(f"  {line}", markup=False)
    for line in verdict.wrong:
        console.print(f"[red]wrong[/red] {line}")
    if verdict.all_right and stage.mailbox is not None:
        twice = "none twice outside the window" if verdict.window else "none twice"
        console.print(f"\nEvery mail is there as it was asked for: none missing, {twice}.")


def facts(verdict: Verdict, merge: Merge, stage: Stage) -> dict[str, object]:
    """The same for programs; times are in seconds."""
    cuts = statistics.quantiles(verdict.latencies, n=100) if len(verdict.latencies) > 1 else None
    return {
        "rows": len(merge.rows),
        "counts": dict(verdict.counts),
        "all_right": verdict.all_right,
        "wrong": verdict.wrong,
        "in_the_window": verdict.window,
        "p50": cuts[49] if cuts else None,
        "p99": cuts[98] if cuts else None,
        "restarts": stage.restarts,
        "page": stage.page_url,
    }


def _print_figures(console: Console, verdict: Verdict, stage: Stage) -> None:
    if len(verdict.arrivals) < 2:
        return
    cuts = statistics.quantiles(verdict.latencies, n=100)
    rate = len(verdict.arrivals) / (max(verdict.arrivals) - verdict.first_call)
    console.print(
        f"\n{rate:.0f} mails a second (invoices drawn and enqueued by one process meanwhile); enqueued to accepted p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        + (f"; worker restarted {stage.restarts} times" if stage.restarts else "")
    )
