"""`LedgerConnection`: the one place that talks to Redis or Valkey.

Keyed by process id, so that a forked child never shares a socket with its parent. Every call is bounded by the
timeout; errors are translated here. Scripts are called by digest and loaded when the server does not know them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from notifier.errors import StoreError, StoreUnavailable
from notifier.store import scripts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One script on one queue's keys."""

    script: str
    prefix: str
    arguments: tuple[str | bytes | int | float, ...]


class LedgerConnection:
    """``timeout`` bounds each round trip, seconds. ``durable`` asks for fsync where the server has WAITAOF."""

    def __init__(self, url: str, *, timeout: float, durable: bool) -> None:
        self._url = url
        self._timeout = timeout
        self._durable = durable
        self._clients: dict[int, redis.Redis] = {}
        self._lock = threading.Lock()
        self._waits_for_fsync: bool | None = None
        os.register_at_fork(after_in_child=self._after_fork)

    @property
    def shown(self) -> str:
        """Where it is, without user and password."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.hostname or parts.path}:{parts.port or 6379}{parts.path}"

    def client(self) -> redis.Redis:
        """This process's client."""
        pid = os.getpid()
        with self._lock:
            if pid not in self._clients:
                self._clients[pid] = self._made()
            return self._clients[pid]

    def run(self, calls: Sequence[Call], *, durably: bool = False) -> list[Any]:
        """All the calls in one round trip, their answers in order; with ``durably`` on disk when this returns.

        Raises `StoreUnavailable`, or `StoreError` where a script refused.
        """
        with self.translated():
            answers = self._pipeline(calls, durably=durably)
            unknown = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if unknown:
                for name in {calls[index].script for index in unknown}:
                    self.client().script_load(scripts.source(name))
                again = self._pipeline([calls[index] for index in unknown], durably=durably)
                for index, answer in zip(unknown, again, strict=True):
                    answers[index] = answer
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise StoreError(f"the store refused a step: {answer}") from answer
            if isinstance(answer, Exception):
                raise self._unavailable(answer) from answer
        return answers

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the client become ours."""
        try:
            yield
        except RedisError as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Close this process's connections."""
        with self._lock:
            client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _pipeline(self, calls: Sequence[Call], *, durably: bool) -> list[Any]:
        fsync = durably and self._fsync_wanted()
        with self.client().pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.evalsha(scripts.digest(call.script), 1, call.prefix, *call.arguments)
            if fsync:
                pipeline.execute_command("WAITAOF", 1, 0, int(self._timeout * 750))  # type: ignore[no-untyped-call]  # theirs
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        if fsync:
            self._check_fsync(answers.pop())
        return answers

    def _check_fsync(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise self._unavailable(answer) from answer
        if int(answer[0]) < 1:
            raise StoreUnavailable(f"the store at {self.shown} did not write to disk within {self._timeout} s")

    def _fsync_wanted(self) -> bool:
        if not self._durable:
            return False
        if self._waits_for_fsync is None:
            self._waits_for_fsync = self._probe()
        return self._waits_for_fsync

    def _probe(self) -> bool:
        try:
            self.client().execute_command("WAITAOF", 1, 0, 1)  # type: ignore[no-untyped-call]  # theirs
        except ResponseError as error:
            log.warning(
                "the store at %s cannot confirm that a mail is on disk (%s): durability is 'aof', the relaxed one. "
                "Use Valkey or Redis 7.2 or later with appendonly yes",
                self.shown,
                error,
            )
            return False
        return True

    def _made(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            socket_keepalive=True,
            # A parked connection that the server has closed is replaced once. A timeout is not tried again: the step
            # may have been done. Each step is safe to repeat (same fence, same id).
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            f"the store at {self.shown} did not answer: {error or type(error).__name__}. "
            "Start it, or set NOTIFIER_STORE_URL to the one that runs"
        )

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._clients = {}
