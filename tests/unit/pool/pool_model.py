"""What a pool should do, said once more without locks, threads or sessions: the oracle of the state machine.

Sessions are numbers, in the order in which the relay saw them come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from notifier.pool import PoolConfig
from notifier.pool.slots import LATER


@dataclass(eq=False)
class Client:
    """Somebody who wants a session. ``came_to``: how the checkout ended, once it has. ``soon_gone``: they wait behind those
    who have not got through to the relay. ``late``: their deadline is over. ``asked``: who came before whom.
    """

    asked: int
    session: int | None = None
    granted: bool = False
    turned_away: bool = False
    outdated: bool = False
    soon_gone: bool = False
    late: bool = False
    came_to: str | None = None


@dataclass
class PoolModel:
    """``events`` are what listeners must have been told; ``ended`` holds each session's last word.

    ``alone``: no other replicas. ``refusal``: of a turn to connect, "full" or "connecting", to be asked for again
    ``retry_after`` seconds later; ``turn_comes_later``: it is waited for. ``chance`` is the lot that sessions draw for their age.
    """

    config: PoolConfig
    now: float = 0.0
    closed: bool = False
    relay_is_down: bool = False
    alone: bool = False
    refusal: str | None = None
    retry_after: float = 0.0
    turn_comes_later: bool = False
    fewer: int | None = None  # places than there are: others have the relay's connections
    fewer_until: float | None = None
    look_at: float = 0.0
    chance: float = 0.5
    parked: list[int] = field(default_factory=list)
    holders: list[Client] = field(default_factory=list)
    queue: list[Client] = field(default_factory=list)
    expires: list[float] = field(default_factory=list)  # by session
    first: int = 0  # session of this process
    until: dict[int, float] = field(default_factory=dict)
    mails: Counter[int] = field(default_factory=Counter)
    dead: set[int] = field(default_factory=set)  # the relay has closed it
    doubtful: set[int] = field(default_factory=set)
    ended: dict[int, str] = field(default_factory=dict)
    events: list[tuple[object, ...]] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    asked: int = 0  # clients, ever

    # what clients do ------------------------------------------------------------------------------------------------

    def ask(self) -> Client:
        self.asked += 1
        client = Client(self.asked)
        if self.fewer_until is not None and self.now >= self.fewer_until:
            self.fewer_until = self.fewer = None
            self._serve()
        if self.closed:
            client.turned_away, client.came_to = True, "closed"
        elif self.queue or not self._grant(client):
            self.queue.append(client)
            self._wait(client)
        else:
            self._proceed(client)
        return client

    def accept(self, client: Client) -> None:
        """A client that has waited goes on with what it was granted."""
        self._tell("waited", "waited")
        self._proceed(client)

    def wait_no_longer(self, client: Client) -> None:
        """Its deadline has come."""
        client.late = True
        self.look_again(client)

    def look_again(self, client: Client) -> None:
        """The bell has rung, or the time after which it looks has come."""
        if not self._goes_on(client):
            self._wait_on(client)

    def _goes_on(self, client: Client) -> bool:
        if client.granted:
            self.accept(client)
            return True
        if client.turned_away:
            client.came_to = "closed"
            return True
        if client.soon_gone and not self._connected:
            self._give_up(client, "no turn")
            return True
        return False

    def _give_up(self, client: Client, came_to: str) -> None:
        self.queue.remove(client)
        self._tell("timeouts", "missed")
        client.came_to = came_to

    def interrupt(self, client: Client) -> None:
        """An exception strikes while it waits."""
        client.came_to = "interrupted"
        if client in self.queue:
            self.queue.remove(client)
        self._leave(client, "doubt")

    def give_back(self, client: Client, *, sound: bool) -> None:
        session = client.session
        if (reason := self._why_not_again(client) if sound else "doubt") is not None:
            self._leave(client, reason)
            return
        assert session is not None
        self.holders.remove(client)
        self.until[session] = min(self.now + self.config.max_idle, self.expires[session])
        self.parked.append(session)
        self._serve()

    # what operators and time do -------------------------------------------------------------------------------------

    def tend(self) -> None:
        self._take_out(self._why_no_longer)

    def drain(self) -> None:
        for holder in self.holders:
            holder.outdated = True
        self._take_out(lambda _: "drained")

    def close(self) -> None:
        self.closed = True
        for client in self.queue:
            client.turned_away = True
        self.queue.clear()
        self._take_out(lambda _: "closed")

    def open(self) -> None:
        self.closed = False

    def fork(self) -> None:
        """From now on the child's: what it has inherited is nobody's here."""
        inherited = [*self.parked, *(one.session for one in self.holders if one.session is not None)]
        self.parked, self.holders, self.queue, self.counters = [], [], [], Counter()
        self.fewer_until = self.fewer = None
        self.look_at = 0.0
        for session in sorted(inherited):
            self.ended[session] = "abandon"
            self._tell("retired_fork", "retired", session, "fork", self.mails[session])
        self.first = len(self.expires)

    # rules ----------------------------------------------------------------------------------------------------------

    def _grant(self, client: Client) -> bool:
        if self.parked:
            client.session = self.parked.pop()
        elif len(self.holders) >= self.places:
            return False
        self.holders.append(client)
        client.granted = True
        return True

    def _serve(self) -> None:
        while self.queue and self._grant(self.queue[0]):
            self.queue.pop(0)

    def _proceed(self, client: Client) -> None:
        while (session := client.session) is not None:
            if (reason := self._why_not(session)) is None:
                client.came_to = "lent"
                self._tell("reused", "reused", session, self.mails[session])
                return
            self._end(session, reason)
            client.session = None
            if self.parked:
                client.session = self.parked.pop()
        self._open(client)

    def _open(self, client: Client) -> None:
        if self.refusal is not None:
            self._tell("refused", "no turn")
            self._make_do(client, others=len(self.holders) - 1 + len(self.parked))
            return
        if self.turn_comes_later:
            self._tell("waited", "waited")
        if self.relay_is_down:
            client.came_to = "refused"
            self._tell("not_opened", "not opened")
            self._leave(client, "doubt")
            return
        client.session = len(self.expires)
        client.came_to = "lent"
        self.expires.append(self.now + self.config.max_age * (0.9 + 0.2 * self.chance))
        self._tell("opened", "opened", client.session)

    def _make_do(self, client: Client, others: int) -> None:
        """It waits, before all who came later, for a session that is there or on its way."""
        if not others or not (self.refusal == "full" or self._connected):
            client.came_to = "no turn"
            self._leave(client, "doubt")
            return
        self.fewer, self.fewer_until = others, self.now + self.retry_after
        self.holders.remove(client)
        client.granted = False
        if self.closed:
            client.came_to = "closed"
            return
        self.queue = sorted([*self.queue, client], key=lambda one: one.asked)
        self._serve()
        if client.granted:
            self._proceed(client)
        else:
            self._wait(client)

    def _wait(self, client: Client) -> None:
        client.soon_gone = not self.alone and not self._connected
        if not client.soon_gone:
            self._wait_on(client)

    def _wait_on(self, client: Client) -> None:
        """It looks whether the relay takes one connection more."""
        client.soon_gone = False
        if client.late:
            self._give_up(client, "timeout")
        elif self.fewer_until is not None and self.now >= max(self.fewer_until + LATER, self.look_at):
            self.look_at = self.now + LATER
            self.fewer = min(self.config.size, self.places + 1)
            self._serve()

    def _why_not(self, session: int) -> str | None:
        return self._why_no_longer(session) or ("peer_closed" if session in self.dead else None)

    def _why_no_longer(self, session: int) -> str | None:
        if self.now < self.until[session]:
            return None
        return "age" if self.now >= self.expires[session] else "idle"

    def _why_not_again(self, client: Client) -> str | None:
        session = client.session
        assert session is not None
        if session in self.doubtful:
            return "doubt"
        if self.mails[session] >= self.config.messages_per_connection:
            return "uses"
        if self.now >= self.expires[session]:
            return "age"
        if self.closed:
            return "closed"
        return "drained" if client.outdated else None

    def _leave(self, client: Client, reason: str) -> None:
        if client.session is not None:
            self._end(client.session, reason)
            client.session = None
        if client in self.holders:
            self.holders.remove(client)
        self._serve()

    def _take_out(self, why: Callable[[int], str | None]) -> None:
        over = [(session, reason) for session in self.parked if (reason := why(session)) is not None]
        for session, _ in over:
            self.parked.remove(session)
        for session, reason in over:
            self._end(session, reason)
        self._serve()

    def _end(self, session: int, reason: str) -> None:
        assert session not in self.ended
        self.ended[session] = "close" if reason in ("doubt", "peer_closed") else "QUIT"
        self._tell(f"retired_{reason}", "retired", session, reason, self.mails[session])

    def _tell(self, counter: str, *event: object) -> None:
        self.counters[counter] += 1
        self.events.append(event)

    # what must be seen ----------------------------------------------------------------------------------------------

    @property
    def lent(self) -> int:
        return sum(one.session is not None for one in self.holders)

    @property
    def places(self) -> int:
        return self.config.size if self.fewer is None else self.fewer

    @property
    def _connected(self) -> bool:
        return bool(self.parked or self.lent)

    def stats(self) -> dict[str, int]:
        now = {"parked": len(self.parked), "lent": self.lent, "waiting": len(self.queue)}
        return now | {name: number for name, number in self.counters.items() if number}

    def __str__(self) -> str:
        taken = len(self.parked) + len(self.holders)
        return (
            f"{'closed' if self.closed else 'open'}: {len(self.parked)} parked, {self.lent} lent, "
            f"{len(self.queue)} waiting, {taken} of {self.config.size} places"
        )
