"""A TCP proxy on loopback that makes a round trip take time, for kernels that have no netem.

What comes from either side is handed on half a round trip later, in order and as it came; bandwidth is not limited,
and a TCP window never fills. `python -m benchmarks.smtp.delay PORT SECONDS` stands before that port, writes its own
on standard output, and ends when its standard input does.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.smtp import cores
from benchmarks.smtp.peers import TOP

READ_SIZE = 256 * 1024
# A client whose SYN takes half a round trip is connected after one, and the server that has its ACK after one and a
# half greets it. The kernel connects at once here, so the way on is opened that much later.
HANDSHAKE = 1.5  # round trips


class Direction:
    """Octets from one socket to another, each ``delay`` seconds late. An empty chunk is the end."""

    def __init__(self, source: socket.socket, target: socket.socket, delay: float) -> None:
        self.source, self.target, self.delay = source, target, delay
        self.ended = False
        self._waiting: deque[tuple[float, memoryview]] = deque()

    @property
    def due(self) -> float | None:
        """When the next chunk is to be handed on (monotonic seconds)."""
        return self._waiting[0][0] if self._waiting else None

    def take(self, now: float) -> bool:
        """Read what there is; False at the end of it."""
        try:
            chunk = self.source.recv(READ_SIZE)
        except BlockingIOError:
            return True
        except OSError:
            chunk = b""
        self._waiting.append((now + self.delay, memoryview(chunk)))
        return bool(chunk)

    def give(self, now: float) -> None:
        """Hand on what is due. What the target does not take stays first in the line."""
        while self._waiting and self._waiting[0][0] <= now:
            due, chunk = self._waiting.popleft()
            if not chunk:
                self._end()
                return
            if rest := chunk[self._send(chunk) :]:
                # It asks again a little later: a full window is rare here, and one more event kind would not be.
                self._waiting.appendleft((max(due, now + 0.001), rest))
                return

    def _send(self, chunk: memoryview) -> int:
        try:
            return self.target.send(chunk)
        except BlockingIOError:
            return 0
        except OSError:
            return len(chunk)  # nobody is there any more: it is lost, as on a wire

    def _end(self) -> None:
        self.ended = True
        with suppress(OSError):
            self.target.shutdown(socket.SHUT_WR)


class Delay:
    """The proxy: one thread, one loop. ``round_trip`` in seconds."""

    def __init__(self, target: tuple[str, int], round_trip: float) -> None:
        self._target, self._round_trip = target, round_trip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        # select(2) counts in microseconds where epoll and poll count in milliseconds, which is 5% of a 20 ms trip.
        self._selector = selectors.SelectSelector()
        self._opening: deque[tuple[float, socket.socket]] = deque()
        self._pairs: list[tuple[Direction, Direction]] = []

    def run(self, until: int) -> None:
        """Serve until the file descriptor ``until`` can be read (EOF is enough)."""
        self._selector.register(until, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while all(key.fd != until for key in self._turn()):
            self._pass_on(time.monotonic())

    def close(self) -> None:
        """Close every socket; what waits is lost."""
        for pair in self._pairs[:]:
            self._close(pair)
        for _, client in self._opening:
            client.close()
        self._selector.close()
        self._listener.close()

    def _turn(self) -> list[selectors.SelectorKey]:
        wait = None if (due := self._next_due()) is None else max(0.0, due - time.monotonic())
        keys = [key for key, _ in self._selector.select(wait)]
        now = time.monotonic()
        for key in keys:
            if isinstance(key.data, Direction):
                if not key.data.take(now):
                    self._selector.unregister(key.fileobj)
            elif key.data is not None:
                key.data(now)
        return keys

    def _next_due(self) -> float | None:
        dues = [direction.due for pair in self._pairs for direction in pair]
        dues += [self._opening[0][0]] if self._opening else []
        return min((due for due in dues if due is not None), default=None)

    def _accept(self, now: float) -> None:
        with suppress(BlockingIOError):
            client, _ = self._listener.accept()
            self._opening.append((now + HANDSHAKE * self._round_trip, client))

    def _pass_on(self, now: float) -> None:
        while self._opening and self._opening[0][0] <= now:
            self._open(self._opening.popleft()[1])
        for pair in self._pairs[:]:
            for direction in pair:
                direction.give(now)
            if all(direction.ended for direction in pair):
                self._close(pair)

    def _open(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Direction(client, server, self._round_trip / 2), Direction(server, client, self._round_trip / 2)
        for direction in pair:
            self._selector.register(direction.source, selectors.EVENT_READ, direction)
        self._pairs.append(pair)

    def _close(self, pair: tuple[Direction, Direction]) -> None:
        self._pairs.remove(pair)
        for direction in pair:
            direction.source.close()


@contextmanager
def delayed(port: int, round_trip: float) -> Iterator[int]:
    """A port whose way to ``port`` and back takes ``round_trip`` seconds: the proxy in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.smtp.delay", str(port), str(round_trip)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP)
    cores.keep_for_servers(process.pid)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.communicate(timeout=10)  # it ends with its standard input


def main(port: str, seconds: str) -> None:
    """The process."""
    proxy = Delay(("127.0.0.1", int(port)), float(seconds))
    print(proxy.port, flush=True)
    proxy.run(sys.stdin.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
