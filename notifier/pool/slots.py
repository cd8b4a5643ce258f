"""`Slots`: the pool's part in a limit of connections that all replicas keep together."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from notifier.errors import RelayConnecting, RelayFull, RelayUnavailable, StoreError
from notifier.model.limits import LATER, PATIENCE, Connected, Connections, Word

log = logging.getLogger(__name__)

KEEP_EVERY = 20.0  # seconds; a third of the lease, so that one round trip may fail
KEEP_TURNS_EVERY = 2.0  # seconds; a third of the time in which a turn to connect is believed to be used
# Seconds from what became of a connection to the word of it. A question that comes meanwhile takes it along; a thread that said it
# at once would be in that question's way.
SAY_WITHIN = 0.01
ASK_EVERY = (0.01, 0.1)  # seconds; the first, and as long as it gets


class Turn(NamedTuple):
    """One's turn to connect: ``token`` is for one connection. ``waited``: seconds, 0 where it came at once."""

    token: str
    waited: float


class Unsaid:
    """What became of connections to one relay and is not said yet, in the order in which it did.

    All pools of a process that use the relay have it together: a connection of the one may be what the other is refused for.
    """

    def __init__(self) -> None:
        self._start()

    def begin(self) -> None:
        """In a child with nothing: what is left is its parent's, whose thread may have been saying it."""
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        self.words: deque[Word] = deque()
        self.saying = threading.RLock()  # who asks in vain says so meanwhile
        self._pid = os.getpid()


class Slots:
    """Connections to ``relay``, ``most`` at once from all replicas; None: as many as it takes without complaint.

    ``holder``: who people are told that has them. What becomes of connections (``unsaid``) is said when somebody asks for one more,
    or by `say`: a round trip is too much to be waited for by each of them, where a relay ends connections behind a few mails.
    """

    def __init__(
        self,
        connections: Connections,
        relay: str,
        name: str,
        most: int | None = None,
        *,
        holder: str = "",
        unsaid: Unsaid | None = None,
    ) -> None:
        self._connections = connections
        self._relay = relay
        self._name = name
        self._most = most
        self._holder = holder
        self._unsaid = Unsaid() if unsaid is None else unsaid

    def begin(self) -> None:
        """See `Unsaid.begin`."""
        self._unsaid.begin()

    def take(self) -> Turn:
        """A token for one connection, when it is its turn.

        Raises `RelayFull` where there are enough; where others have tried in vain for a while `RelayConnecting`, or
        `RelayUnavailable` if one of them has failed; or `StoreError`.
        """
        token = f"{uuid.uuid4().hex} {self._holder}"
        answer, waited = self._in_turn(token)
        if answer.patience is not None:
            raise self.not_answering(answer.wait, doubted=answer.doubted)
        if answer.wait > 0:
            raise RelayFull(
                f"{self._name} has the connections that it takes: {answer.live} from all workers", answer.wait
            )
        return Turn(token, waited)

    def not_answering(self, wait: float = LATER, *, doubted: bool = False) -> RelayUnavailable:
        """What is said where others are being connected for longer than a relay that is well takes."""
        kind = RelayUnavailable if doubted else RelayConnecting
        return kind(f"{self._name} lets those wait who are trying to connect", wait)

    def _in_turn(self, token: str) -> tuple[Connected, float]:
        """The answer, and the seconds that were waited for it.

        Where more and more are connected, patience begins anew with each of them: the relay is well, and one's turn near.
        """
        live, ends, began, waited = -1, 0.0, time.monotonic(), 0.0
        pause, longest = ASK_EVERY
        while True:
            answer = self._asked(token)
            if answer.live > live:
                live, ends = answer.live, time.monotonic() + PATIENCE
            if not answer.patience or time.monotonic() >= ends:
                return answer, waited
            time.sleep(min(pause, answer.patience))
            waited = time.monotonic() - began
            pause = min(2 * pause, longest)

    def _asked(self, token: str) -> Connected:
        with self._unsaid.saying:  # what is being said goes before it: it may be that our own connection has ended
            if before := self._words():  # nor may what comes behind these be said before them
                answer = self._answer(token, before)
                self._said(before)
                return answer
        return self._answer(token)

    def _answer(self, token: str, before: Sequence[Word] = ()) -> Connected:
        try:
            return self._connections.connect(self._relay, token, self._most, before)
        except BaseException:  # it may have been its turn, and the answer is lost: others would wait for nobody
            self.forgo(token)
            self.say()
            raise

    def keep_turns(self, tokens: Iterable[str]) -> None:
        """These are still being connected."""
        if known := list(tokens):
            with suppress(StoreError):  # it is said again soon
                self._connections.keep_turns(self._relay, known)

    def established(self, token: str) -> None:
        """The relay has greeted the connection."""
        self._unsaid.words.append(Word("established", token))

    def release(self, token: str) -> None:
        """It is connected no more."""
        self._unsaid.words.append(Word("release", token))

    def forgo(self, token: str) -> None:
        """It is not connected after all, which is nothing to doubt the relay for."""
        self._unsaid.words.append(Word("forgo", token))

    @property
    def has_unsaid(self) -> bool:
        """True where there is something to `say`."""
        return bool(self._unsaid.words)

    def say(self) -> None:
        """What became of connections, in the order in which it did."""
        with self._unsaid.saying:
            if words := self._words():
                with suppress(StoreError):  # what is established is kept, what is not kept ends by itself
                    self._connections.say(self._relay, words)
                self._said(words)

    def _words(self) -> list[Word]:
        """Those that are unsaid, to be said while nobody else says any. They stay so until they are said: a signal's exception
        would lose them.
        """
        words = self._unsaid.words
        return [words[place] for place in range(len(words))]  # others may add to them meanwhile

    def _said(self, words: Sequence[Word]) -> None:
        for _ in words:
            self._unsaid.words.popleft()

    def keep(self, tokens: Iterable[str]) -> None:
        """These are still connected."""
        if known := list(tokens):
            try:
                self._connections.keep(self._relay, known)
            except StoreError as error:
                log.debug("connections to %s not kept, tried again soon: %s", self._name, error)

    def too_many(self, *, greeting: bool) -> int:
        """The relay has complained. Returns how many connections it has from all replicas; 0 where nobody knows."""
        self.say()
        try:
            return self._connections.throttled(self._relay, greeting=greeting)
        except StoreError as error:
            log.debug("complaint of %s not shared: %s", self._name, error)
            return 0
