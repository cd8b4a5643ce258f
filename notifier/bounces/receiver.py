"""`Receiver`: reports come by LMTP, on a Unix socket or a port. A thread for each connection, and so many of them.

A recipient's 250 is said when what follows from the message is in the store, on its disk; whoever does not hear it brings the
message again.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from notifier.bounces.desk import Desk
from notifier.bounces.lmtp import Conversation, Incoming
from notifier.errors import ConfigurationError, StoreError
from notifier.smtp.deadline import Deadline

MOST_CONNECTIONS = 32
BACKLOG = 128  # on a Unix socket one more is not waited for, but refused
COMMAND_TIME = 300.0  # seconds until the next command is whole, RFC 5321 section 4.5.3.2.7
MESSAGE_TIME = 600.0  # until a message is
WRITE_TIME = 30.0
_FULL = 0.05  # until the next try where the process has no descriptor left
_READ = 64 * 1024
_BUSY = b"421 4.3.2 Too many connections\r\n"
_SILENT = b"421 4.4.2 You have been silent for too long\r\n"
_CLOSING = b"421 4.3.2 The service ends here\r\n"

log = logging.getLogger(__name__)


class _Over(Exception):
    """The connection ends, with a last word or without."""

    def __init__(self, word: bytes = b"") -> None:
        super().__init__()
        self.word = word


class Receiver:
    """Listens from its making on. ``address``: the path of a Unix socket, which gets ``mode``, or host and port. ``desk`` is
    asked at each message.

    Raises `ConfigurationError` where that cannot be had.
    """

    def __init__(
        self,
        address: str | tuple[str, int],
        desk: Callable[[], Desk],
        *,
        mode: int = 0o660,
        patience: float = COMMAND_TIME,
    ) -> None:
        self._desk = desk
        self._patience = patience
        self._name = socket.gethostname() or "localhost"
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._threads: set[threading.Thread] = set()
        self._path = address if isinstance(address, str) else None
        try:
            self._socket = _listening(address, mode)
        except OSError as error:
            raise ConfigurationError([f"cannot listen at {address}: {error.strerror or error}"]) from error
        self._socket.setblocking(False)
        self._bell, self._wake = socket.socketpair()

    @property
    def port(self) -> int:
        """Where it listens; of a port."""
        port: int = self._socket.getsockname()[1]
        return port

    def serve(self) -> None:
        """Accept until `stop`; then wait for those who are acting on a message."""
        ready = select.poll()
        for one in (self._socket, self._wake):
            ready.register(one.fileno(), select.POLLIN)
        while all(number != self._wake.fileno() for number, _ in ready.poll()):
            try:
                connection, _ = self._socket.accept()
                self._begin(connection)
            except (BlockingIOError, ConnectionError):
                continue  # gone again before we looked
            except OSError:  # no descriptor is free; those who hold them will go
                time.sleep(_FULL)
        self._socket.close()
        if self._path is not None:
            Path(self._path).unlink(missing_ok=True)
        for thread in list(self._threads):
            thread.join()
        self._wake.close()

    def stop(self) -> None:
        """No new connection, no new message; may be called by a handler of a signal, and more than once."""
        self._bell.close()

    def _begin(self, connection: socket.socket) -> None:
        if not self._places.acquire(blocking=False):
            _turn_away(connection)
            return
        thread = threading.Thread(target=self._converse, args=(connection,), name="lmtp", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no room for one more; those who are there will go
            self._threads.discard(thread)
            self._places.release()
            _turn_away(connection)

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(WRITE_TIME)
                self._run(connection)
        except OSError as error:
            log.info("a connection ended: %s", error)
        except Exception:
            log.exception("a connection was given up")
        finally:
            self._threads.discard(threading.current_thread())
            self._places.release()

    def _run(self, connection: socket.socket) -> None:
        conversation = Conversation(self._name, lambda path: self._desk().knows(path))
        try:
            connection.sendall(conversation.greeting)
            while not conversation.over:
                self._one_turn(connection, conversation)
        except _Over as over:
            connection.sendall(over.word)

    def _one_turn(self, connection: socket.socket, conversation: Conversation) -> None:
        """From one step of the client's to the next; octets that drip in between gain it no time."""
        deadline, answered = Deadline.after(self._patience), False
        while not answered and not conversation.over:
            steps = conversation.feed(self._read(connection, deadline))
            replies = bytearray()
            for step in steps:
                answered = True
                replies += self._final_replies(step) if isinstance(step, Incoming) else step
            if replies:
                connection.sendall(replies)
            if conversation.in_message and answered:
                deadline, answered = Deadline.after(MESSAGE_TIME), False

    def _read(self, connection: socket.socket, deadline: Deadline) -> bytes:
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        ready.register(self._wake.fileno(), select.POLLIN)
        found = [number for number, _ in ready.poll(deadline.remaining * 1000)]
        if not found:
            raise _Over(_SILENT)
        if self._wake.fileno() in found:
            raise _Over(_CLOSING)
        octets = connection.recv(_READ)
        if not octets:
            raise _Over
        return octets

    def _final_replies(self, message: Incoming) -> bytes:
        return b"".join(self._final_reply(message, path) for path in message.recipients)

    def _final_reply(self, message: Incoming, path: str) -> bytes:
        """RFC 2033 section 4.2: one for each recipient."""
        if message.too_big:
            return b"552 5.3.4 Message too big\r\n"
        try:
            self._desk().take(message.octets, to=path)
        except StoreError as error:
            log.error("a report was not taken, and comes again: %s", error)  # noqa: TRY400 - for operators
        except Exception:
            log.exception("a report was not taken, and comes again")
        else:
            return b"250 2.0.0 Taken\r\n"
        return b"451 4.3.0 It cannot be noted now; come again\r\n"


def _turn_away(connection: socket.socket) -> None:
    with connection:
        connection.settimeout(1.0)
        connection.sendall(_BUSY)


def _listening(address: str | tuple[str, int], mode: int) -> socket.socket:
    if not isinstance(address, str):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return socket.create_server(address, family=family, backlog=BACKLOG)
    _clear(address)
    before = os.umask(0o777 & ~mode)  # from the first moment on
    try:
        return socket.create_server(address, family=socket.AF_UNIX, backlog=BACKLOG)
    finally:
        os.umask(before)


def _clear(path: str) -> None:
    """A socket that a killed receiver has left is nobody's; another file, or one that somebody listens at, stays."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - beside the socket module's own paths
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()
