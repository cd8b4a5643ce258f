"""Rounds: every composer once, then every composer once more, so that what the machine does meanwhile falls on all alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from itertools import count
from statistics import median
from typing import Protocol, TypeVar, runtime_checkable

from benchmarks.compose.mails import Mail

T = TypeVar("T")


@runtime_checkable
class Elsewhere(Protocol):
    """A work in another process, which tells the processor seconds that it took there."""

    def seconds(self, given: Sequence[object], /) -> float: ...


@dataclass(slots=True)
class Measured:
    """Processor seconds for each mail, round by round."""

    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.seconds)

    def ratio(self, reference: Measured) -> float:
        """The median of the ratios within each round: what slows a round slows both."""
        return median(own / other for own, other in zip(self.seconds, reference.seconds, strict=True))


def measure(
    works: Mapping[str, Callable[[T], bytes]], make: Callable[[int], T], counts: Mapping[str, int], rounds: int
) -> dict[str, Measured]:
    """Each work in each round, with what ``make`` makes of numbers that nobody has seen before."""
    found = {name: Measured() for name in works}
    numbers = count(1_000)
    for work in works.values():
        _seconds(work, [make(next(numbers)) for _ in range(3)])  # templates are compiled, the PDF was seen
    for turn in range(rounds):
        names = list(works)
        at = turn % len(names)  # each round begins with another one
        for name in [*names[at:], *names[:at]]:
            found[name].seconds.append(_seconds(works[name], [make(next(numbers)) for _ in range(counts[name])]))
    return found


def _seconds(work: Callable[[T], bytes], given: Sequence[T]) -> float:
    if isinstance(work, Elsewhere):
        return work.seconds(given) / len(given)
    gc.collect()
    gc.freeze()  # what waits is the benchmark's, and no composer is to pay for looking through it
    began = time.process_time()
    for one in given:
        work(one)
    taken = time.process_time() - began
    gc.unfreeze()
    return taken / len(given)


def wrong(octets: bytes, mail: Mail) -> str | None:
    """What of the mail does not come back out of these octets."""
    message = message_from_bytes(octets, policy=policy.default)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    texts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in leaves[:2]}
    files = [part.get_payload(decode=True) for part in leaves[2:]]
    return _difference(str(message["Subject"]), texts, files, mail)


def _difference(subject: str, texts: Mapping[str, str], files: Sequence[object], mail: Mail) -> str | None:
    if subject != mail.subject:
        return "the subject"
    if texts.get("text/plain") != mail.text:
        return "the text"
    if texts.get("text/html") != mail.html:
        return "the html"
    return None if files == [one for one in (mail.image, mail.pdf) if one is not None] else "a file"
