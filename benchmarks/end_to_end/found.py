"""All that a run has found, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.end_to_end import cases, encrypted, enqueuing, growth, light, memory, start
from benchmarks.end_to_end.cases import Case
from benchmarks.end_to_end.drain import Measured, drain
from benchmarks.end_to_end.plan import Plan
from benchmarks.end_to_end.plant import Trouble
from benchmarks.smtp.sink import Sink

Tell = Callable[[str], None]
CALLS = 20  # in a block of single ones
MANY = 1_000  # mails in one call


@dataclass(slots=True)
class Found:
    """``light``: seconds of each mail, by who, round by round. ``trouble``: parts without figures, and why."""

    drained: dict[str, Measured] = field(default_factory=dict)
    far: dict[str, Measured] = field(default_factory=dict)
    light: dict[str, list[list[float]]] = field(default_factory=dict)
    enqueuing: list[enqueuing.Costs] = field(default_factory=list)
    held: list[memory.Held] = field(default_factory=list)
    start: Mapping[str, list[float]] = field(default_factory=dict)
    growth: dict[str, growth.Costs] = field(default_factory=dict)
    encrypted: list[tuple[float, float]] = field(default_factory=list)
    trouble: dict[str, str] = field(default_factory=dict)


WAITING, REPLICAS, TEMPLATES = "mails that wait", "replicas", "templates"
USED_TEMPLATES = "templates that were used before"


class Bench:
    """The parts, each by its name."""

    def __init__(self, plan: Plan, sink: Sink, tell: Tell) -> None:
        self._plan, self._sink, self._tell = plan, sink, tell
        self.found = Found()

    def run(self, parts: Sequence[str]) -> Found:
        """Each of them; one that is in trouble does not keep the others."""
        for part in parts:
            try:
                getattr(self, part)()
            except Exception as trouble:  # noqa: BLE001 - what the other parts have taken an hour to find is not lost for it
                self.found.trouble[part] = str(trouble)
                self._tell(f"{part}: {trouble}")
        return self.found

    def drained(self) -> None:
        plan = self._plan
        self._rounds(self.found.drained, cases.drained(plan.bulk, plan.singles, plan.peers), plan.rounds)

    def far(self) -> None:
        self._rounds(self.found.far, cases.far(self._plan.far, self._plan.far_peers), 1)

    def light(self) -> None:
        self.found.light = {name: [] for name in light.PEERS}
        for number in range(self._plan.light_rounds):
            for name, rounds in self.found.light.items():
                self._tell(f"light load, round {number + 1}: {name}")
                rounds.append(light.light(name, self._plan.light, self._sink))

    def enqueuing(self) -> None:
        many = min(MANY, self._plan.bulk)
        for number in range(self._plan.enqueue_rounds):
            self._tell(f"enqueueing, round {number + 1}")
            self.found.enqueuing.append(enqueuing.measure(self._plan.enqueue_blocks, CALLS, many, self._sink))

    def memory(self) -> None:
        self._tell(f"memory, {self._plan.held:,} mails")
        self.found.held = memory.held(self._plan.held, self._plan.portions, self._sink)

    def start(self) -> None:
        self._tell("start")
        self.found.start = start.start(self._plan.imports, self._plan.starts, self._sink)

    def growth(self) -> None:
        plan, sink = self._plan, self._sink
        for name, measure, counts in (
            (WAITING, growth.waiting, plan.waiting),
            (REPLICAS, growth.replicas, plan.replicas),
            (TEMPLATES, growth.templates, plan.templates),
            (USED_TEMPLATES, growth.used_templates, plan.templates),
        ):
            self._tell(f"growth: {name}")
            self.found.growth[name] = measure(counts, plan.grown, sink)

    def encrypted(self) -> None:
        self._tell("STARTTLS")
        self.found.encrypted = encrypted.encrypted(self._plan.encrypted)

    def _rounds(self, into: dict[str, Measured], plan: Mapping[str, Case], rounds: int) -> None:
        into |= {name: Measured(case) for name, case in plan.items()}
        for number in range(rounds):
            at = number % len(into)  # each round begins with another case
            for name in [*into][at:] + [*into][:at]:
                self._tell(f"round {number + 1} of {rounds}: {name}")
                self._once(into[name])

    def _once(self, measured: Measured) -> None:
        if measured.trouble is not None:
            return
        try:
            measured.runs.append(drain(measured.case, self._sink))
        except Trouble as trouble:
            measured.trouble = str(trouble)
            self._tell(str(trouble))


PARTS = ("drained", "light", "enqueuing", "far", "memory", "start", "growth", "encrypted")
