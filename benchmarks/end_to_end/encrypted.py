"""STARTTLS on a session that is kept, beside the same without TLS: mails of 50 KB to a sink in a process of its own.

`python -m benchmarks.end_to_end.encrypted FOLDER` is that sink; it writes its port, and a certificate's authority to FOLDER. It
is as little of a server as will do: one connection at a time, no command is refused.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import trustme

from benchmarks.end_to_end.plant import Trouble
from benchmarks.smtp.peers import TOP
from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Endpoint, Session, TLSPolicy

SIZE = 50 * 1024
BLOCK = 50  # mails
_LINE = b"The parcel left our house this morning and will be with you in two days.\r\n"
MESSAGE = b"Subject: Your parcel\r\n\r\n" + _LINE * (SIZE // len(_LINE))
_ENVELOPE = Envelope("shop@origin.example", ("zoe@destination.example",))


def encrypted(blocks: int) -> list[tuple[float, float]]:
    """Seconds a mail with TLS and without, block by block. Raises `Trouble` where a mail did not come whole."""
    with TemporaryDirectory() as folder, sink(Path(folder), 2 * (blocks + 1) * BLOCK) as port:
        return _measured(port, str(Path(folder) / "ca.pem"), blocks)


@contextmanager
def sink(folder: Path, mails: int) -> Iterator[int]:
    """Its port. Raises `Trouble` where so many mails did not come whole."""
    command = [sys.executable, "-m", "benchmarks.end_to_end.encrypted", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        sums = process.stdout.read().split()
    if set(sums) != {str(zlib.crc32(MESSAGE))} or len(sums) != mails:
        raise Trouble(f"mismatch: {len(sums)} mails, {len(set(sums))} kinds of octets")


def _measured(port: int, authority: str, blocks: int) -> list[tuple[float, float]]:
    tls = Endpoint("localhost", port, tls=TLSPolicy.REQUIRED, ca_file=authority)
    plain = Endpoint("localhost", port, tls=TLSPolicy.NONE)
    with Session.open(tls) as over_tls, Session.open(plain) as without:
        return [(_seconds(over_tls), _seconds(without)) for _ in range(blocks + 1)][1:]


def _seconds(session: Session) -> float:
    """The median: a mail by itself each."""
    taken = []
    for _ in range(BLOCK):
        began = time.perf_counter()
        (outcome,) = session.send_many([MailObject(_ENVELOPE, MESSAGE)])
        taken.append(time.perf_counter() - began)
        if outcome.faults:
            raise Trouble(f"not accepted: {outcome}")
    return median(taken)


class _Connection:
    """One client's."""

    def __init__(self, stream: socket.socket, context: ssl.SSLContext) -> None:
        self._stream, self._context = stream, context
        self._have, self._to_say = bytearray(), bytearray()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        self._say(b"220 sink.example ESMTP\r\n")
        while verb := self._until(b"\r\n")[:4].upper():
            self._say(_REPLIES.get(verb, b"250 2.0.0 OK\r\n"))
            if verb == b"STAR":
                self._stream = self._context.wrap_socket(self._stream, server_side=True)
            elif verb == b"DATA":
                print(zlib.crc32(self._until(b"\r\n.\r\n") + b"\r\n"))
                self._say(b"250 2.0.0 Accepted\r\n")
            elif verb == b"QUIT":
                return

    def _say(self, reply: bytes) -> None:
        """Replies to commands that came together go together, as RFC 2920 section 3.2 asks servers to."""
        self._to_say += reply
        if b"\r\n" not in self._have:
            self._stream.sendall(self._to_say)
            self._to_say.clear()

    def _until(self, end: bytes) -> bytes:
        searched = 0  # what was looked through is not looked through again with each record of TLS
        while (at := self._have.find(end, searched)) < 0:
            searched = max(0, len(self._have) - len(end))
            octets = self._stream.recv(1 << 16)
            if not octets:
                return b""
            self._have += octets
        taken = bytes(self._have[:at])
        del self._have[: at + len(end)]
        return taken


_REPLIES = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
    b"STAR": b"220 2.0.0 Go ahead\r\n",
    b"DATA": b"354 Go ahead\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


def main(folder: str) -> None:
    """Two connections, each in a thread, until standard input ends."""
    import threading  # noqa: PLC0415 - the sink's alone

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=_Connection(stream, context).serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
