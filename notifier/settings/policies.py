"""``NOTIFIER_POLICIES``: a TOML file with mail classes of your own, and with rows laid over the retry table.

::

    [classes.newsletter]
    delivery = "at_most_once"   # or at_least_once, or evidence_first
    deadline = "3d"             # tried until then
    queue = "mail.bulk"
    retention = "30d"           # how long it can be asked for when it has ended
    durability = "aof"          # or fsync, memory; without it NOTIFIER_DURABILITY
    list_unsubscribe = true     # a recipient may unsubscribe from this class; without it false, of bulk true

    [classes.contract]
    delivery = "evidence_first"
    evidence_for = "1h"         # an unknown outcome waits so long for proof
    then = "at_most_once"       # or at_least_once

    [retry.R2]                  # a row of the taxonomy, a class of notifier.errors, or one of your own by its full name
    ladder = ["5min", "10min", "1h"]
    attempts = 8

    [classes.otp.retry.TransientError]   # for mails of this class alone
    ladder = ["5s", "10s"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from notifier.model.mail_class import SHIPPED_CLASSES, Delivery, Durability, MailClass
from notifier.retry import DEFAULT_TABLE, RetryPolicy, RetryTable
from notifier.settings.parsers import span
from notifier.settings.relay import ManyProblems
from notifier.settings.toml_file import read_toml

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}\Z")
_CLASS = (
    "delivery",
    "deadline",
    "queue",
    "resend_after",
    "retention",
    "evidence_for",
    "then",
    "durability",
    "list_unsubscribe",
    "retry",
)
_ROW = ("ladder", "jitter", "attempts", "fresh_first", "never")


class Classed(Protocol):
    """A mail, or what is known of one."""

    @property
    def mail_class(self) -> str:
        """Its name."""

    @property
    def tenant(self) -> str:
        """Whose it is."""


@dataclass(frozen=True, slots=True)
class Policies:
    """Every mail class, and the retry table of each; ``table`` is that of the classes without rows of their own."""

    classes: Mapping[str, MailClass]
    table: RetryTable
    tables: Mapping[str, RetryTable] = field(default_factory=dict)

    def scaled(self, factor: float) -> Policies:
        """Every wait between attempts multiplied."""
        tables = {name: table.scaled(factor) for name, table in self.tables.items()}
        return replace(self, table=self.table.scaled(factor), tables=tables)

    def mailing_list_of(self, mail: Classed) -> str | None:
        """What the mail's recipients unsubscribe from; None where they cannot, also where its class is gone."""
        mail_class = self.classes.get(mail.mail_class)
        return None if mail_class is None else mail_class.mailing_list(mail.tenant)

    def table_of(self, mail_class: str) -> RetryTable:
        """The table that decides about a mail of this class."""
        return self.tables.get(mail_class, self.table)


SHIPPED = Policies(SHIPPED_CLASSES, DEFAULT_TABLE)


def parse_policies(text: str) -> Policies:
    """Read the file at ``text``; empty: what is shipped. Raises `ValueError` with every problem at once."""
    if not text:
        return SHIPPED
    path, problems = Path(text), list[str]()
    policies = _Reader(problems).policies(read_toml(path))
    if problems:
        raise ManyProblems([f"({path.name}) {problem}" for problem in problems])
    return policies


@dataclass(slots=True)
class _Reader:
    """Collects every problem of one file."""

    problems: list[str]

    def policies(self, tables: Mapping[str, Any]) -> Policies:
        self._only(tables, ("classes", "retry"), "the file")
        table = self._laid_over(DEFAULT_TABLE, tables.get("retry", {}), "retry")
        classes, own = dict(SHIPPED_CLASSES), {}
        for name, given in self._tables(tables.get("classes", {}), "classes"):
            where = f"classes.{name}"
            if not _NAME.match(name):
                self.problems.append(f"{where}: a name is small letters, digits, - and _")
            classes[name] = self._class(name, given, where)
            if "retry" in given:
                own[name] = self._laid_over(table, given["retry"], f"{where}.retry")
        for name, one in classes.items():
            self._check_patience(one, own.get(name, table))
        return Policies(classes, table, own)

    def _class(self, name: str, given: Mapping[str, Any], where: str) -> MailClass:
        self._only(given, _CLASS, where)
        known = SHIPPED_CLASSES.get(name, MailClass(name, Delivery.AT_LEAST_ONCE, 86400.0, "mail"))
        delivery, queue = given.get("delivery", known.delivery), given.get("queue", known.queue)
        if delivery not in tuple(Delivery):
            self.problems.append(f"{where}.delivery is one of {', '.join(Delivery)}, and not {delivery!r}")
            delivery = known.delivery
        if not isinstance(queue, str) or not _QUEUE.match(queue):
            self.problems.append(f"{where}.queue is named by letters, digits, dots and hyphens, and not {queue!r}")
        deadline = self._span(given, "deadline", where)
        resend_after = self._span(given, "resend_after", where)
        retention = self._span(given, "retention", where)
        one = MailClass(
            name,
            Delivery(delivery),
            known.deadline if deadline is None else deadline,
            str(queue),
            known.resend_after if resend_after is None else resend_after,
            known.retention if retention is None else retention,
            durability=self._durability(given, where),
            list_unsubscribe=self._list_unsubscribe(given, known, where),
        )
        return self._with_evidence(one, given, where)

    def _durability(self, given: Mapping[str, Any], where: str) -> Durability | None:
        found = given.get("durability")
        if found is None or found in tuple(Durability):
            return None if found is None else Durability(found)
        self.problems.append(f"{where}.durability is one of {', '.join(Durability)}, and not {found!r}")
        return None

    def _list_unsubscribe(self, given: Mapping[str, Any], known: MailClass, where: str) -> bool:
        found = given.get("list_unsubscribe", known.list_unsubscribe)
        if isinstance(found, bool):
            return found
        self.problems.append(f"{where}.list_unsubscribe is true or false, and not {found!r}")
        return False

    def _with_evidence(self, one: MailClass, given: Mapping[str, Any], where: str) -> MailClass:
        if one.delivery is not Delivery.EVIDENCE_FIRST:
            self.problems.extend(
                f'{where}.{key} is for delivery = "evidence_first"' for key in ("evidence_for", "then") if key in given
            )
            return one
        then = given.get("then", one.then)
        if then not in (Delivery.AT_LEAST_ONCE, Delivery.AT_MOST_ONCE):
            self.problems.append(f"{where}.then is at_least_once or at_most_once, and not {then!r}")
            then = one.then
        evidence_for = self._span(given, "evidence_for", where) or one.evidence_for
        if then == Delivery.AT_LEAST_ONCE and evidence_for >= one.deadline:
            self.problems.append(
                f"{where}.evidence_for is {evidence_for:g} s, and its mails expire after {one.deadline:g} s: "
                "none would be sent again"
            )
        return replace(one, evidence_for=evidence_for, then=Delivery(then))

    # retry rows -----------------------------------------------------------------------------------------------------

    def _laid_over(self, table: RetryTable, rows: object, where: str) -> RetryTable:
        for key, given in self._tables(rows, where):
            policy = self._policy(given, f"{where}.{key}")
            try:
                table = table.with_rows({key: policy}) if policy is not None else table.without_row(key)
            except ValueError as error:
                self.problems.append(f"{where}.{key}: {error}")
        return table

    def _policy(self, given: Mapping[str, Any], where: str) -> RetryPolicy | None:
        """None: such errors are never tried again."""
        self._only(given, _ROW, where)
        if given.get("never") is True:
            return None
        steps = given.get("ladder")
        options: dict[str, Any] = {}
        if steps is not None:
            options["ladder"] = tuple(self._steps(steps, where))
        for key, name in (("jitter", "jitter"), ("attempts", "max_attempts"), ("fresh_first", "fresh_first")):
            if key in given:
                options[name] = given[key]
        try:
            return RetryPolicy(**options)
        except (ValueError, TypeError) as error:
            self.problems.append(f"{where}: {error}")
            return RetryPolicy()

    def _steps(self, steps: object, where: str) -> Iterator[float]:
        if not isinstance(steps, list):
            self.problems.append(f'{where}.ladder is a list such as ["30s", "5min", "1h"]')
            yield 30.0
            return
        for step in steps:
            try:
                yield span(str(step))
            except ValueError as error:
                self.problems.append(f"{where}.ladder has a step that {error}")

    def _check_patience(self, one: MailClass, table: RetryTable) -> None:
        """A first wait that outlasts the class's deadline is no retry."""
        shortest = min(policy.ladder[0] for policy in table.by_class.values())
        if shortest >= one.deadline:
            self.problems.append(
                f"classes.{one.name}: its deadline is {one.deadline:g} s, and the first retry waits {shortest:g} s"
            )

    # small parts ----------------------------------------------------------------------------------------------------

    def _span(self, given: Mapping[str, Any], key: str, where: str) -> float | None:
        try:
            return span(str(given[key])) if key in given else None
        except ValueError as error:
            self.problems.append(f"{where}.{key} {error}")
            return None

    def _tables(self, found: object, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if not isinstance(found, Mapping):
            self.problems.append(f"{where} is a table of tables")
            return
        for name, table in found.items():
            if isinstance(table, Mapping):
                yield name, table
            else:
                self.problems.append(f"{where}.{name} is a table")

    def _only(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        self.problems.extend(
            f"{where} has {key!r}, which is none of {', '.join(known)}" for key in table if key not in known
        )
