"""Failpoints as values: at which moment of a mail's way which signal goes to whom. Nothing of it is in the product.

An *order* is a file that the harness writes before the mail is there; a process that comes by its moment claims it, writes
down what it hit, and gives the signal. A folder holds them, so that every process of a worker sees the same.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from notifier.model.state import EDGES, EVIDENCE, MailState

FOLDER = "NEMESIS_ORDERS"  # the environment variable that names it


class Seam(StrEnum):
    """Where a failpoint can be: the steps that change the ledger, and the dialogue with the relay."""

    ADD = "add"
    CLAIM = "answer"  # a worker claims under a bell
    RENEW = "renew"
    BEGIN_DOT = "begin_dot"
    REPLY = "reply"  # the dot is written, and its reply is waited for
    SETTLE = "settle"
    SWEEP = "sweep"
    EVIDENCE = "take_evidence"
    PARK = "park_after_restore"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    RESOLVE = "resolve"


IN_A_CHILD = (Seam.CLAIM, Seam.RENEW, Seam.BEGIN_DOT, Seam.REPLY, Seam.SETTLE)
IN_MAIN = (Seam.SWEEP, Seam.EVIDENCE, Seam.PARK)  # the sweeper lives in the worker's main process
OUTSIDE = (Seam.ADD, Seam.CANCEL, Seam.RESCHEDULE, Seam.RESOLVE)  # an application, or a person at a terminal


class Moment(StrEnum):
    """Relative to the step."""

    BEFORE = "before"
    AFTER = "after"


class Blow(StrEnum):
    """A signal and its receiver: the process at the failpoint, or the worker's main process."""

    KILL = "SIGKILL"
    KILL_MAIN = "SIGKILL to main"
    TERM = "SIGTERM"
    INT = "SIGINT"
    QUIT = "SIGQUIT"
    FREEZE = "SIGSTOP past the lease, SIGCONT"

    @property
    def number(self) -> int:
        """The signal's."""
        return int(getattr(signal, "SIGSTOP" if self is Blow.FREEZE else self.value.partition(" ")[0]))

    @property
    def at_main(self) -> bool:
        """True where main gets it: that is who ends a worker in order."""
        return self not in (Blow.KILL, Blow.FREEZE)


@dataclass(frozen=True)
class Failpoint:
    """``edge``: the one that the step takes, as ``waiting>claimed``; '' where the mail stays where it is."""

    seam: Seam
    moment: Moment
    edge: str = ""

    def __str__(self) -> str:
        return f"{self.moment} {self.seam}" + (f" ({self.edge})" if self.edge else "")

    @property
    def blows(self) -> tuple[Blow, ...]:
        """Every signal. Where there is no child, main is the process itself."""
        return tuple(blow for blow in Blow if blow is not Blow.KILL_MAIN or self.seam in IN_A_CHILD)


_FIELDS = {"seam": Seam, "moment": Moment, "edge": str}


@dataclass(frozen=True)
class Order:
    """Strike when one of these mails comes by."""

    name: str
    failpoint: Failpoint
    blow: Blow
    mails: tuple[str, ...]


@dataclass(frozen=True)
class Struck:
    """What a failpoint wrote before it gave the signal: who it was, and the ledger's states of the mails then."""

    pid: int
    main: int
    states: Mapping[str, str]


class Orders:
    """The folder of orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def give(self, order: Order) -> None:
        """Whole or not at all."""
        beside = self.folder / f".{order.name}"
        beside.write_text(json.dumps(asdict(order)))
        beside.rename(self.folder / f"{order.name}.order")

    def open(self) -> Iterator[Order]:
        """Those that nobody has carried out yet."""
        for path in self.folder.glob("*.order"):
            try:
                data = json.loads(path.read_text())
            except FileNotFoundError:
                continue
            point = Failpoint(*(read(data["failpoint"][name]) for name, read in _FIELDS.items()))
            yield Order(data["name"], point, Blow(data["blow"]), tuple(data["mails"]))

    def take(self, order: Order, struck: Struck) -> bool:
        """True for exactly one process: the order is carried out once."""
        path = self.folder / f"{order.name}.struck"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        os.write(descriptor, json.dumps(asdict(struck)).encode())
        os.close(descriptor)
        self.withdraw(order)
        return True

    def withdraw(self, order: Order) -> None:
        """Nobody carries it out any more."""
        (self.folder / f"{order.name}.order").unlink(missing_ok=True)

    def struck(self, order: Order) -> Struck | None:
        """What was hit; None where nobody came by yet."""
        try:
            data: dict[str, Any] = json.loads((self.folder / f"{order.name}.struck").read_text())
        except (FileNotFoundError, ValueError):  # not there, or not whole yet
            return None
        return Struck(**data)


# Edges of the table that no step takes by itself, each with its reason.
NO_STEP_TAKES = {
    "claimed>expired": "the step that would record its dot finds it late; tests/integration/test_late_codes.py stops a worker there",
    "unknown>sent": "no mail of the shipped classes rests in unknown: proof, or a person, decides of evidence_first in one step",
    "unknown>failed": "the same; tests/integration/test_evidence.py kills a worker at the dot of one",
}


def every_edge() -> frozenset[str]:
    """Of the model, those that only evidence takes too."""
    tables: tuple[Mapping[MailState, frozenset[MailState]], ...] = (EDGES, EVIDENCE)
    return frozenset(f"{here}>{there}" for edges in tables for here, ways in edges.items() for there in ways)
