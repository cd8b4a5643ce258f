"""`RoundTrips`: commands go to the server in one write and their answers come back, for less processor time than the
client's own pipelines take: those look at a connection before each use, and at each argument's type one by one.

The client opens the connections (TLS, login, database) and reads the replies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Argument = str | bytes | int | float
Command = tuple[Argument, ...]


class Connection(Protocol):
    """What is used of the client's connections. The first command opens one; so does one after `disconnect`."""

    def disconnect(self) -> None: ...
    def send_packed_command(self, command: Sequence[bytes], check_health: bool) -> None: ...
    def read_response(self) -> Any: ...


class RoundTrips:
    """One process's. ``made`` makes a connection that opens itself at its first use. Safe to share between threads."""

    def __init__(self, made: Callable[[], Connection]) -> None:
        self._made = made
        self._parked: list[Connection] = []  # append and pop are one step each

    def answers(self, commands: Sequence[Command]) -> list[Any]:
        """One round trip; refusals are among the answers as values (`ResponseError`). Raises `RedisError`."""
        octets = packed(commands)
        connection = self._taken()
        try:
            answers = self._asked(connection, octets, len(commands))
        except BaseException:  # a time limit of a task too: its answers would be taken for the next one's
            connection.disconnect()
            raise
        self._parked.append(connection)
        return answers

    def close(self) -> None:
        """Close what is parked; the next round trip opens another one."""
        while self._parked:
            self._parked.pop().disconnect()

    def _taken(self) -> Connection:
        try:
            return self._parked.pop()
        except IndexError:
            return self._made()

    @staticmethod
    def _asked(connection: Connection, octets: bytes, count: int) -> list[Any]:
        try:
            return _exchanged(connection, octets, count)
        except RedisConnectionError:
            # A parked connection that the server has closed is replaced once. A timeout is not tried again: the step
            # may have been done. Each step is safe to repeat (same fence, same id).
            connection.disconnect()
            return _exchanged(connection, octets, count)


def _exchanged(connection: Connection, octets: bytes, count: int) -> list[Any]:
    connection.send_packed_command([octets], check_health=False)
    return [_read(connection) for _ in range(count)]


def _read(connection: Connection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as refusal:
        return refusal


def packed(commands: Sequence[Command]) -> bytes:
    """The commands on the wire: arrays of bulk strings."""
    parts: list[bytes] = []
    met: dict[str, bytes] = {}  # most of what a hundred mails are added with is the same for each
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for argument in command:
            if type(argument) is str:
                bulk = met.get(argument)
                if bulk is None:
                    bulk = met[argument] = _bulk(argument.encode())
            else:
                bulk = _bulk(argument if type(argument) is bytes else str(argument).encode())
            parts.append(bulk)
    return b"".join(parts)


def _bulk(octets: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(octets), octets)
