"""An application of Django's in a process of its own: ``python -m programs.shop`` reads calls as lines of JSON and answers each.

``{"do": "order", "number": "1", "kill": "committed"}``: with ``kill`` the process ends itself by SIGKILL at that point. The answer
is an empty line then, and another process, which has done nothing yet, serves what comes next.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any

import django

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402 - after the setup
from django.core.management import call_command, execute_from_command_line  # noqa: E402 - after the setup
from django.db import DatabaseError, connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_site.shop.models import Order  # noqa: E402

from notifier.errors import NotifierError  # noqa: E402
from notifier.integrations.django import (  # noqa: E402
    admin_ledger,
    outbox,
    outbox_contents,
    outbox_deciding,
    outbox_ledger,
    outbox_settling,
    sweeping,
)
from notifier.integrations.django.models import OutboxBlob, OutboxMail  # noqa: E402
from notifier.tasks.runtime import runtime  # noqa: E402

# Where a process can be killed: before or after a function, by the name that its caller knows it by.
POINTS = {
    "committed": (outbox, "hand_over", "before"),
    "asked": (outbox_ledger, "enqueue", "before"),
    "handed over": (outbox_ledger, "enqueue", "after"),
    "marked": (outbox_ledger, "_mark", "after"),
    "taken": (sweeping, "_work", "before"),
    "learned": (outbox_settling, "settle", "before"),
    "settled": (outbox_settling, "settle", "after"),
}


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str | None) -> None:
    if point in POINTS:
        module, name, when = POINTS[point]
        function = getattr(module, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            if when == "before":
                end()
            function(*arguments, **named)
            end()

        setattr(module, name, wrapped)


class RolledBackError(Exception):
    """The customer has no money."""


def order(
    number: str,
    mail_class: str = "transactional",
    rolls_back: bool = False,
    kill: str | None = None,
    attach: str | None = None,
    key: str | None = None,
    name: str = "",
    count: int = 1,
    using: str | None = None,
    apart: str = "",
) -> dict[str, Any]:
    """One request: rows and mails in one transaction. ``apart``: a call for each mail, in "calls", or in "savepoints" of
    which the last one is taken back.
    """
    arm(kill)
    files = [{"filename": "bill.txt", "data": attach}] if attach else []
    mails = [
        runtime().intake.accept(
            template="welcome",
            to=f"{number.replace(' ', '+')}@example.com" if key is None else "zoe@example.com",
            context={"name": name or f"{number}-{copy}"},
            mail_class=mail_class,
            attachments=files,
            idempotency_key=key,
        )
        for copy in range(count)
    ]
    try:
        with transaction.atomic(using=using):
            Order.objects.using(using).create(number=number)
            if apart:
                one_by_one(mails, using, apart)
            else:
                outbox.write(mails, using)
            if kill == "written":
                end()
            if rolls_back:
                raise RolledBackError
    except RolledBackError:
        return {"ids": []}
    except DatabaseError as error:
        connections.close_all()  # as Django does at the end of a request
        return {"ids": [mail.email.id for mail in mails], "error": type(error).__name__}
    return {"ids": [mail.email.id for mail in mails]}


def one_by_one(mails: list[Any], using: str | None, apart: str) -> None:
    for number, mail in enumerate(mails, start=1):
        try:
            with transaction.atomic(using=using) if apart == "savepoints" else nullcontext():
                outbox.write([mail], using)
                if apart == "savepoints" and number == len(mails):
                    raise RolledBackError
        except RolledBackError:
            pass


def handed_over(**arguments: Any) -> dict[str, Any]:
    """An order, and how many mails its request has handed over in each step after the commit."""
    steps: list[int] = []
    usual = outbox.hand_over
    outbox.hand_over = lambda alias, held: steps.append(len(held)) or usual(alias, held)
    try:
        return {**order(**arguments), "steps": steps}
    finally:
        outbox.hand_over = usual


def by_hand(number: str) -> dict[str, Any]:
    """An order of somebody who commits by himself."""
    transaction.set_autocommit(False)
    try:
        mail = runtime().intake.accept(template="welcome", to=f"{number}@example.com", context={"name": number})
        outbox.write([mail], None)
        transaction.commit()
        return {"ids": [mail.email.id]}
    finally:
        transaction.set_autocommit(True)


def edit(mail_id: str, octets: str | None = None, **fields: Any) -> dict[str, Any]:
    """By hand, behind everybody's back; contents are text in Latin-1."""
    if "payload" in fields:
        fields["payload"] = fields["payload"].encode("latin-1")
    if fields:
        OutboxMail.objects.filter(id=mail_id).update(**fields)
    if octets is not None:
        OutboxBlob.objects.filter(mails=mail_id).update(octets=octets.encode("latin-1"))
    return {}


def of_another_class(mail_id: str, mail_class: str) -> dict[str, Any]:
    """One that the settings had when the row was written."""
    row = OutboxMail.objects.get(id=mail_id)
    row.payload = json.dumps({**json.loads(bytes(row.payload)), "mail_class": mail_class}).encode()
    row.mail_class = mail_class
    row.save()
    return {}


def portions(octets: int) -> dict[str, Any]:
    """How the contents of all rows are read where so many octets may be held: of each portion, its mails' blobs."""
    outbox_contents.PORTION = octets
    rows = list(OutboxMail.objects.filter(state="open").order_by("created_at").defer("payload"))
    read = outbox_contents.portions("default", rows)
    return {"portions": [[sorted(map(len, one.blobs.values())) for one in portion] for portion in read]}


def stopped_sweeper() -> dict[str, Any]:
    """One that has taken rows and is stopped; another one hands them over, and the store loses everything; then it goes on."""
    forward()
    rows = sweeping.take("default", timezone.now())
    forward()
    sweeping.sweep("default")
    runtime().store._connection.ask(("FLUSHALL",))
    swept = sweeping._work("default", rows, runtime().store.epoch(), time.monotonic() + 20)
    return {"handed_over": swept, "known": [str(row.id) for row in rows if runtime().store.status(str(row.id))]}


def decided_twice(mail_id: str) -> dict[str, Any]:
    """Two people have the same page, and the second one presses the other button."""
    first, second = OutboxMail.objects.get(id=mail_id), OutboxMail.objects.get(id=mail_id)
    try:
        outbox_deciding.send_again("default", first, "first")
        outbox_deciding.give_up("default", second, "second")
    except NotifierError as error:
        return {"error": str(error)}
    return {}


def sweep(kill: str | None = None) -> dict[str, Any]:
    arm(kill)
    try:
        swept = sweeping.sweep("default")
    except (NotifierError, DatabaseError) as error:
        connections.close_all()
        return {"error": type(error).__name__}
    return {"handed_over": swept.handed_over, "looked_at": swept.looked_at, "purged": swept.purged}


def sweep_all() -> dict[str, Any]:
    """Whatever is due, in every database."""
    return {"databases": sorted(sweeping.sweep_all())}


def forward() -> dict[str, Any]:
    """Everything under way is due now."""
    OutboxMail.objects.filter(state__in=("open", "handed_over")).update(look_at=timezone.now())
    return {}


def years_go_by() -> dict[str, Any]:
    """For the database; the ledger stays as it is."""
    long_ago = timezone.now() - timedelta(days=1000)
    OutboxMail.objects.update(look_at=long_ago)
    OutboxMail.objects.exclude(known_at=None).update(known_at=long_ago)
    return {}


def time_goes_by(field: str) -> dict[str, Any]:
    """By a hundred days, for one field of what is under way."""
    OutboxMail.objects.filter(state__in=("open", "handed_over")).update(**{field: timezone.now() - timedelta(days=100)})
    return {}


def kept() -> dict[str, Any]:
    """The contents, as the database has them."""
    octets = [
        *OutboxMail.objects.values_list("payload", flat=True),
        *OutboxBlob.objects.values_list("octets", flat=True),
    ]
    return {"octets": [bytes(one).decode("latin-1") for one in octets]}


def rows(using: str = "default") -> dict[str, Any]:
    names = ("state", "outcome", "why", "epoch", "hand_overs")
    found: dict[str, dict[str, Any]] = {}
    for row in OutboxMail.objects.using(using):
        found[str(row.id)] = {name: getattr(row, name) for name in names} | {
            "payload": bool(row.payload),
            "ledger_id": row.ledger_id and str(row.ledger_id),
            "number": row.recipients.partition("@")[0].replace("+", " "),
        }
    return {"rows": found, "orders": Order.objects.using(using).count(), "blobs": OutboxBlob.objects.count()}


def command(words: list[str]) -> dict[str, Any]:
    """What ``manage.py`` says, and its exit status."""
    out, err, status = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


def user(name: str, permissions: list[str] | None = None) -> dict[str, Any]:
    """One of the staff; all permissions where none are named."""
    made = User.objects.create(username=name, is_staff=True, is_superuser=permissions is None)
    made.set_password(name)
    made.save()
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions or ()))
    return {}


def page(who: str, path: str, post: dict[str, Any] | None = None, forged: bool = False) -> dict[str, Any]:
    """What the test client sees; ``forged``: without the token of the form."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username=who))
    client.get("/admin/password_change/")  # a form of theirs: it sets the cookie that the token is compared with
    token = client.cookies["csrftoken"].value
    if post is not None and not forged:
        post = {"csrfmiddlewaretoken": token, **post}
    with CaptureQueriesContext(connections["default"]) as asked:
        answer = client.get(path) if post is None else client.post(path, post)
    contents = sum('"payload"' in query["sql"] for query in asked if query["sql"].startswith("SELECT"))
    seen = [answer.status_code, answer.headers.get("Location", "")]
    if answer.status_code == 302:
        answer = client.get(answer.headers["Location"])
    return {"status": seen[0], "location": seen[1], "text": answer.content.decode(), "contents_read": contents}


def reads_at_most(mails: int) -> dict[str, Any]:
    """The list of the ledger's mails."""
    before, admin_ledger.SCANNED = admin_ledger.SCANNED, mails
    return {"before": before}


def dumped() -> dict[str, Any]:
    """How much `dumpdata` tells of the app, in letters."""
    found = []
    for base in (False, True):
        told = StringIO()
        call_command("dumpdata", "notifier", stdout=told, use_base_manager=base)
        found.append(len(told.getvalue()))
    return {"letters": found}


def migrate() -> dict[str, Any]:
    for alias in connections:
        call_command("migrate", run_syncdb=True, verbosity=0, database=alias)
    return {}


DO: dict[str, Callable[..., dict[str, Any]]] = {
    "order": order,
    "handed_over": handed_over,
    "by_hand": by_hand,
    "edit": edit,
    "of_another_class": of_another_class,
    "portions": portions,
    "stopped_sweeper": stopped_sweeper,
    "decided_twice": decided_twice,
    "sweep": sweep,
    "forward": forward,
    "rows": rows,
    "sweep_all": sweep_all,
    "time_goes_by": time_goes_by,
    "kept": kept,
    "command": command,
    "user": user,
    "page": page,
    "reads_at_most": reads_at_most,
    "dumped": dumped,
    "years_go_by": years_go_by,
    "migrate": migrate,
}


def serve() -> None:
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps(DO[call.pop("do")](**call)), flush=True)


if __name__ == "__main__":
    # What is imported is imported once: the process that serves is a fork of this one, and so is the one after it.
    while (child := os.fork()) != 0:
        _, ended = os.waitpid(child, 0)
        if not os.WIFSIGNALED(ended):
            sys.exit(os.waitstatus_to_exitcode(ended))
        print(flush=True)  # it was killed, and has given no answer
    serve()
