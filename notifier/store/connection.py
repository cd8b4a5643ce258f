"""`LedgerConnection`: the one place that talks to Redis or Valkey.

Keyed by process id, so that a forked child never shares a socket with its parent. Every round trip is bounded by the
timeout. Scripts are called by digest, and loaded when the server does not know them.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from notifier.errors import StoreUnavailable
from notifier.model.secret import Secret
from notifier.store import scripts
from notifier.store.addresses import share_of
from notifier.store.round_trips import Argument, Command, RoundTrips
from notifier.store.translation import store_error
from notifier.store.url import StoreURL

log = logging.getLogger(__name__)

_NO_LIMIT = 2**31
FSYNC_SHARE = 0.75  # of the timeout may go into waiting for the disk; the rest is for the answer's way back


@dataclass(frozen=True, slots=True)
class Call:
    """One script on one queue's keys. ``more``: keys of the same kind as ``prefix``, for a script that takes many."""

    script: str
    prefix: str
    arguments: tuple[Argument, ...]
    more: tuple[str, ...] = ()

    def command(self, hooks: tuple[str, ...] = ()) -> Command:
        """The call on the wire."""
        digest = scripts.digest(self.script, hooks)
        return ("EVALSHA", digest, 1 + len(self.more), self.prefix, *self.more, *self.arguments)


@dataclass(frozen=True, slots=True)
class Plain:
    """A command of the server's own among calls; its answer comes as the server has it."""

    words: Command
    script: str = ""

    def command(self, hooks: tuple[str, ...] = ()) -> Command:
        """See `Call.command`."""
        del hooks
        return self.words


class LedgerConnection:
    """``timeout`` bounds each round trip, seconds. ``durable`` asks for fsync where the server has WAITAOF. ``hooks``
    are told what the scripts' edges do.

    Safe to share between threads, and to have been made before a fork.
    """

    def __init__(self, url: str, *, timeout: float, durable: bool, hooks: tuple[str, ...] = ()) -> None:
        self.url = StoreURL(Secret(url))
        self._timeout = timeout
        self._durable = durable
        self._hooks = hooks
        self._waits_for_fsync: bool | None = None
        self._start_afresh()
        _alive.add(self)

    def client(self) -> redis.Redis:
        """This process's client."""
        pid = os.getpid()
        with self._lock:
            if pid not in self._clients:
                self._clients[pid] = self._made()
            return self._clients[pid]

    def _round_trips(self) -> RoundTrips:
        pid = os.getpid()
        if pid not in self._quick:
            made = self.client().connection_pool.make_connection
            with self._lock:
                self._quick.setdefault(pid, RoundTrips(made))
        return self._quick[pid]

    def ask(self, *commands: Command) -> list[Any]:
        """The answers to plain commands, one round trip. Raises `StoreUnavailable`, or `StoreError` where refused."""
        return self.checked(self.sent(commands))

    def sent(self, commands: Sequence[Command]) -> list[Any]:
        """The same, refusals left among the answers as values (`ResponseError`)."""
        try:
            with self.client().pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)  # type: ignore[no-untyped-call]  # theirs
                answers: list[Any] = pipeline.execute(raise_on_error=False)
        except RedisError as error:
            raise store_error(error, str(self.url)) from error
        return answers

    def checked(self, answers: list[Any]) -> list[Any]:
        """The answers. Raises the first refusal among them, `StoreUnavailable` or `StoreError`."""
        for answer in answers:
            if isinstance(answer, RedisError):
                raise store_error(answer, str(self.url)) from answer
        return answers

    def run(self, calls: Sequence[Call | Plain], *, durably: bool = False, in_order: bool = False) -> list[Any]:
        """The answers to all the calls, one round trip; with ``durably`` their effects are on disk when it returns.

        A server that was restarted knows no script: those are loaded, and their calls done then. With ``in_order`` the calls
        behind the first of them are done again as well, for they build on each other, and saying them twice is saying them once.

        Raises `StoreUnavailable`, or `StoreError` where a script refused; the other calls are done all the same.
        """
        return self.checked(self._run_known(calls, durably=durably, in_order=in_order))

    def attempt(self, calls: Sequence[Call | Plain], *, durably: bool = False) -> list[Any]:
        """The same, and where a script refused, the `StoreError` is its answer. Raises `StoreUnavailable`."""
        answers = self._run_known(calls, durably=durably, in_order=False)
        for index, answer in enumerate(answers):
            if isinstance(answer, RedisError):
                answers[index] = store_error(answer, str(self.url))
                if isinstance(answers[index], StoreUnavailable):
                    raise answers[index] from answer
        return answers

    def _run_known(self, calls: Sequence[Call | Plain], *, durably: bool, in_order: bool) -> list[Any]:
        answers = self._run(calls, durably=durably)
        unknown = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            self.ask(
                *(
                    ("SCRIPT LOAD", scripts.source(name, self._hooks))
                    for name in {calls[index].script for index in unknown}
                )
            )
            due = range(unknown[0], len(calls)) if in_order else unknown
            again = self._run([calls[index] for index in due], durably=durably)
            for index, answer in zip(due, again, strict=True):
                answers[index] = answer
        return answers

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        with self._lock:
            client = self._clients.pop(os.getpid(), None)
            quick = self._quick.pop(os.getpid(), None)
        if quick is not None:
            quick.close()
        if client is not None:
            client.close()

    def _run(self, calls: Sequence[Call | Plain], *, durably: bool) -> list[Any]:
        commands = [call.command(self._hooks) for call in calls]
        if not (durably and self._fsync_wanted()):
            return self._answers(commands)
        # On the connection that wrote: WAITAOF waits for the writes of its own connection, and all before them.
        *answers, synced = self._answers([*commands, ("WAITAOF", 1, 0, int(self._timeout * 1000 * FSYNC_SHARE))])
        if isinstance(synced, RedisError):  # what the server has against the steps says more than that
            self.checked([*(one for one in answers if not isinstance(one, NoScriptError)), synced])
        if int(synced[0]) < 1:
            raise StoreUnavailable(
                f"the store at {self.url} did not write to its disk in time; whether the step is kept is not known. "
                "Look at its disk, or allow it more with NOTIFIER_STORE_TIMEOUT"
            )
        return answers

    def _answers(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return self._round_trips().answers(commands)
        except RedisError as error:
            raise store_error(error, str(self.url)) from error

    def _fsync_wanted(self) -> bool:
        if not self._durable:
            return False
        with self._probing:
            if self._waits_for_fsync is None:
                self._waits_for_fsync = self._probe()
            return self._waits_for_fsync

    def _probe(self) -> bool:
        (answer,) = self.sent([("WAITAOF", 1, 0, 1)])
        if not isinstance(answer, ResponseError):
            self.checked([answer])
            return True
        log.warning(
            "the store at %s cannot confirm that a mail is on disk (%s): durability is 'aof', the relaxed one. "
            "Use Valkey or Redis 7.2 or later with appendonly yes",
            self.url,
            answer,
        )
        return False

    def _made(self) -> redis.Redis:
        return redis.Redis.from_url(
            self.url.secret.reveal(),
            protocol=2,  # one form of answers, whatever the client's version prefers
            socket_timeout=self._timeout,
            socket_connect_timeout=share_of(self._timeout, *self.url.place),
            socket_keepalive=True,
            # The client's own limit counts every connection that it ever made for us, also those that were given up: behind
            # a hundred round trips that had failed it would open none until the process ends. Threads are the limit.
            max_connections=_NO_LIMIT,
            # A parked connection that the server has closed is replaced once. A timeout is not tried again: the step
            # may have been done. Each step is safe to repeat (same fence, same id).
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        self._clients: dict[int, redis.Redis] = {}
        self._quick: dict[int, RoundTrips] = {}


_alive: weakref.WeakSet[LedgerConnection] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # Another thread may have held a lock at the fork, and the sockets belong to the parent.
    for connection in list(_alive):
        connection._start_afresh()


os.register_at_fork(after_in_child=_after_fork_in_child)
