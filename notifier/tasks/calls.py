"""What a call of one of our tasks may say: keyword arguments, those of the intake's method and no others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from notifier.delivery.intake import Accepted, Intake, Options
from notifier.errors import InvalidMail
from notifier.model.nearest import nearest
from notifier.tasks.runtime import runtime


@dataclass(frozen=True)
class Call:
    """``task``: its name for people; ``example``: arguments that show how it is called; ``accept``: the intake's method."""

    task: str
    example: str
    accept: Callable[..., Accepted]

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What may be said, by its name."""
        parameters = inspect.signature(self.accept).parameters
        return {name: one for name, one in parameters.items() if name not in ("self", "options")}

    @cached_property
    def _required(self) -> frozenset[str]:
        return frozenset(name for name, one in self.parameters.items() if one.default is one.empty)

    def accepted(
        self, args: Sequence[Any] | None, call: Mapping[str, Any], options: Options, intake: Intake | None = None
    ) -> Accepted:
        """The checked mail of one call; ``intake``: another one than the process's. Raises what the intake raises, and `InvalidMail` for unknown arguments."""
        if args:
            raise InvalidMail(
                f"{self.task} takes keyword arguments only, for example {self.example}; in a chain use {self.task}.si(…)"
            )
        self._check_names(call)
        return self.accept(intake or runtime().intake, **call, options=options)

    def _check_names(self, call: Mapping[str, Any]) -> None:
        if self.parameters.keys() >= call.keys() >= self._required:
            return
        for name in call:
            if name not in self.parameters:
                near = nearest(name, self.parameters)
                hint = f"did you mean {near!r}?" if near else f"known: {', '.join(self.parameters)}"
                raise InvalidMail(f"{self.task} has no argument {name!r}; {hint}")
        for name in self.parameters:
            if name in self._required and name not in call:
                raise InvalidMail(f"{self.task} needs the argument {name!r}")


SEND_EMAIL = Call("send_email", "template=…, to=…", Intake.accept)
SEND_MESSAGE = Call("send_message", "message=…", Intake.accept_message)
