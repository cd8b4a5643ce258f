"""Stacks as py-spy writes them (`--format raw`), each counted for the part of the work that it belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

COMPILING, RENDERING, COMPOSING = "compiling templates", "rendering", "composing (MIME)"
FITTING, MODEL, TASKS = (
    "fitting contexts to schemas",
    "the mail as a value, and as JSON",
    "tasks: calls, bells, batches",
)
SMTP, LEDGER, DELIVERY = "SMTP and the pool", "the ledger", "delivery: what goes when, what an outcome means"
TELLING, CELERY, THEIRS, REST = "log and counters", "Celery", "Django and `smtplib`", "the interpreter"

# Whose file a frame is in. From the innermost outwards, the first that is somebody's decides: what the standard library, redis-py
# or jsonschema takes is their callers'.
OWNERS = (
    *((f"notifier/rendering/{name}", FITTING) for name in ("fitting", "schemas", "json_schema", "mismatch")),
    ("notifier/rendering/", RENDERING),
    ("jinja2/", RENDERING),
    (".j2:", RENDERING),
    ("<template", RENDERING),
    ("notifier/mime/", COMPOSING),
    ("notifier/protocol/", SMTP),
    ("notifier/smtp/", SMTP),
    ("notifier/pool/", SMTP),
    ("notifier/store/", LEDGER),
    ("notifier/delivery/", DELIVERY),
    ("notifier/retry/", DELIVERY),
    ("notifier/model/", MODEL),
    ("notifier/telemetry/", TELLING),
    ("notifier/tasks/", TASKS),
    ("celery/", CELERY),
    ("kombu/", CELERY),
    ("billiard/", CELERY),
    ("smtplib.py", THEIRS),
    ("django/", THEIRS),
)
_COMPILERS = (
    *(f"jinja2/{name}.py" for name in ("compiler", "parser", "lexer", "optimizer")),
    "_compile (jinja2/environment.py",
    "notifier/rendering/linking/",
)


@dataclass(slots=True)
class Shares:
    """Samples by part, and by function."""

    parts: Counter[str] = field(default_factory=Counter)
    functions: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def samples(self) -> int:
        """All of them."""
        return self.parts.total()


def shares(lines: Iterable[str], counts: Callable[[Sequence[str]], bool] = lambda _: True) -> Shares:
    """``counts`` says of a stack, outermost frame first, whether it is looked at."""
    found = Shares()
    for line in lines:
        stack, _, number = line.rstrip().rpartition(" ")
        if not number.isdecimal():  # nothing is stopped for a look, and a name that was changing may be anything
            continue
        frames = stack.split(";")
        if counts(frames):
            part, owner = owned(frames)
            found.parts[part] += int(number)
            found.functions[part, owner] += int(number)
    return found


def owned(frames: Sequence[str]) -> tuple[str, str]:
    """The part, and the function of it that the time is spent in or below."""
    for frame in reversed(frames):
        for path, part in OWNERS:
            if path in frame:
                compiling = part == RENDERING and any(one in other for other in frames for one in _COMPILERS)
                return (COMPILING if compiling else part), frame
    return REST, frames[-1]
