"""`notifier check`: look at everything that a mail will need, and say what to do about what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli import check_dkim, epochs
from notifier.cli.as_json import as_json_option
from notifier.errors import ConfigurationError, DeliveryError, NotifierError, TemplateError
from notifier.protocol.hello_name import is_nobodys
from notifier.rendering import Renderer, TemplateLibrary
from notifier.settings import Settings
from notifier.smtp import Endpoint, Session
from notifier.smtp.session import own_name
from notifier.smtp.trust import Unauthenticated
from notifier.tasks.bells import gate
from notifier.tasks.overview import recent_changes
from notifier.tasks.runtime import runtime, settings

ADVICE = {
    "A1": "the relay refuses this user and password: correct NOTIFIER_SMTP_URL (or NOTIFIER_SMTP_URL_FILE)",
    "C1": "nothing listens there: start the relay, or correct host and port in NOTIFIER_SMTP_URL",
    "C2": "no answer: a firewall, or a wrong host in NOTIFIER_SMTP_URL",
    "C4": "the source address or the proxy does not do as it is set: correct source= or proxy= in NOTIFIER_SMTP_URL",
    "D1": "the host's name is not known: correct NOTIFIER_SMTP_URL",
    "E4": "the relay offers no way to log in here: it may want TLS first, or no user at all",
    "L2": "the certificate is not trusted: name its CA with ?ca=FILE, use the host name that it is made for, or correct pin=",
    "L4": "the port and the mode do not fit: smtps:// is for 465, smtp:// for 25 and 587",
    "S1": "the relay offers no STARTTLS: use smtps://, or ?tls=none where the way there is trusted",
}

UNESCAPED = "a value goes into html as it is there: only for markup of your own, never for what somebody typed in"
UNREAD = "no part of the template names this file: remove it, or correct its name"

ADVICE_ON_CHANGE = {
    "wiped or exchanged": "what waited in the old data is not here: enqueue again what was surely not sent, for the keys are forgotten too",
    "restored": "mails that were sent after the backup may go again; what may go only once is parked: notifier status ID",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``advice`` is empty where there is none to give."""

    subject: str
    ok: bool
    seen: str
    advice: str = ""


@click.command("check")
@click.option("--production", is_flag=True, help="Look for what runs well on a laptop, and loses or delays mail later.")
@click.option(
    "--app", "-A", default="worker", show_default=True, help="With --production: the Celery app of the workers."
)
@as_json_option
def command(production: bool, app: str, as_json: bool) -> None:
    """Check settings, broker, store, templates and the relay (TLS and login included). Exit status 1 on a fault."""
    findings = list(_all_findings(app if production else None))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        Console().print(_table(findings))
    if not all(finding.ok for finding in findings):
        sys.exit(1)


def _all_findings(production_app: str | None) -> Iterator[Finding]:
    try:
        chosen = settings()
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding("settings", False, problem, "see docs/reference/settings.md")
        return
    yield Finding("settings", True, "complete")
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("broker", _broker),
        ("store", _store),
        ("blobs", _blobs),
        ("templates", lambda: _templates(chosen)),
        ("relay", lambda: _relay(chosen)),
        ("dkim", lambda: _dkim(chosen)),
        ("production", lambda: _production(chosen, production_app)),
    )
    for subject, look in checks:
        try:
            yield from look()
        except NotifierError as error:
            yield Finding(subject, False, str(error), _advice(error))


def _advice(error: NotifierError) -> str:
    return ADVICE.get(error.taxonomy_id, "") if isinstance(error, DeliveryError) else ""


def _broker() -> Iterator[Finding]:
    gate.ensure()
    yield Finding("broker", True, "reached")


def _store() -> Iterator[Finding]:
    store = runtime().store
    yield Finding("store", True, f"reached, epoch {store.epoch()[:8]}")
    for change in recent_changes(store):
        yield Finding("store", False, epochs.told(change), ADVICE_ON_CHANGE[change.why])
    for advice in store.check():
        yield Finding("store", False, "endangers mail", advice)


def _blobs() -> Iterator[Finding]:
    store = runtime().store
    store.get_blob(store.put_blob(b"notifier check\n"))  # it is collected like any other that no mail needs
    yield Finding("blobs", True, "written and read on this host")


def _templates(chosen: Settings) -> Iterator[Finding]:
    renderer = Renderer(TemplateLibrary(chosen.template_folders, chosen.untrusted_folders))
    wrong = 0
    for name in renderer.names():
        try:
            renderer.check(name)
            _check_class(name, renderer.defaults(name).mail_class, chosen)
            yield from (Finding("templates", True, place, UNESCAPED) for place in renderer.unescaped(name))
            yield from (Finding("templates", True, path, UNREAD) for path in renderer.unread(name))
        except NotifierError as error:
            wrong += 1
            yield Finding("templates", False, f"{name}: {error}", "mails with this template would fail for good")
    yield Finding(
        "templates", wrong == 0, f"{len(renderer.names()) - wrong} of {len(renderer.names())} compile and render"
    )


def _check_class(template: str, mail_class: str | None, chosen: Settings) -> None:
    if mail_class is not None and mail_class not in chosen.classes:
        known = ", ".join(sorted(chosen.classes))
        raise TemplateError(
            f"template {template!r}: meta.json names the unknown mail_class {mail_class!r}; known: {known}"
        )


def _relay(chosen: Settings) -> Iterator[Finding]:
    runtime()  # what mx:// needs is looked for
    for endpoint in chosen.endpoints:
        if isinstance(endpoint.trust, Unauthenticated):
            yield Finding("relay", True, "the recipients' own servers (mx://): a resolver is there")
            continue
        try:
            with Session.open(endpoint) as session:
                login = f", logged in as {endpoint.username}" if endpoint.username else ""
                seen = f"{endpoint.name}: {session.tls or 'no TLS'}{login}"
                yield Finding("relay", True, seen, _advice_on_name(endpoint))
        except NotifierError as error:
            yield Finding("relay", False, f"{endpoint.name}: {error}", _advice(error))


def _dkim(chosen: Settings) -> Iterator[Finding]:
    for ok, seen, advice in check_dkim.looked_at(chosen, check_dkim.resolver() if chosen.dkim.keys else None):
        yield Finding("dkim", ok, seen, advice)


def _production(chosen: Settings, app: str | None) -> Iterator[Finding]:
    if app is not None:
        from notifier.cli import check_production  # noqa: PLC0415 - it brings a worker's side of Celery

        for one in check_production.looked_at(chosen, app):
            yield Finding(*one)


def _advice_on_name(endpoint: Endpoint) -> str:
    name = endpoint.ehlo_name or own_name()
    return f"it is greeted as {name}, which is nobody's name: set ehlo=NAME" if is_nobodys(name) else ""


def _table(findings: list[Finding]) -> Table:
    """Texts, for in a server's words markup means nothing."""
    table = Table("", "what", "seen", "what to do")
    for finding in findings:
        mark = Text("ok", "green") if finding.ok else Text("fault", "red")
        table.add_row(mark, *map(Text, (finding.subject, finding.seen, finding.advice)))
    return table
