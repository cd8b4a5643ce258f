"""SCRAM's -PLUS mechanisms over real TLS: both ends take the binding from the connection, each with its own code."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import scramp
import trustme

from notifier.errors import MisconfiguredError
from notifier.model.secret import Secret
from notifier.smtp import Endpoint, Session, TLSPolicy

HOST = "127.0.0.1"
PASSWORD = "pencil"
SEEN_THROUGH = "535 5.7.8 not this connection\r\n"


class BindingServer:
    """Speaks SMTP over TLS as far as AUTH, and asks scramp whether a login was made for this very connection.

    ``between``: the certificate that somebody in the middle shows; the login is checked for the real one.
    """

    def __init__(self, version: ssl.TLSVersion, kind: str, *, between: bool = False) -> None:
        self.authority = trustme.CA()
        self._shown = self.authority.issue_cert(HOST)
        self._real = self.authority.issue_cert(HOST) if between else self._shown
        self._version, self._kind = version, kind
        self.flags: list[str] = []  # how the client began, and so by what it bound
        self.port = 0

    def serve(self, listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = self._version
        self._shown.configure_cert(context)
        with context.wrap_socket(accepted, server_side=True) as sock, sock.makefile("rw", newline="") as file:
            self._talk(sock, file)  # type: ignore[arg-type]  # a text file over a socket

    def _talk(self, sock: ssl.SSLSocket, file: socket.SocketIO) -> None:
        def say(line: str) -> None:
            file.write(line)  # type: ignore[arg-type]
            file.flush()

        say("220 here\r\n")
        file.readline()
        say("250-here\r\n250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256\r\n")
        mechanism = scramp.ScramMechanism("SCRAM-SHA-256-PLUS")
        known = mechanism.make_auth_info(PASSWORD)
        server = mechanism.make_server(lambda _: known, channel_binding=(self._kind, self._binding(sock)))
        first = decoded(str(file.readline()).split()[2])
        self.flags.append(first.split(",")[0])
        try:
            server.set_client_first(first)
            say(f"334 {encoded(server.get_server_first())}\r\n")
            server.set_client_final(decoded(str(file.readline())))
            say(f"334 {encoded(server.get_server_final())}\r\n")
            file.readline()
            say("235 2.7.0 it is you\r\n")
        except scramp.ScramException:
            say(SEEN_THROUGH)
        while file.readline():
            say("221 bye\r\n")

    def _binding(self, sock: ssl.SSLSocket) -> bytes:
        if self._kind == "tls-unique":
            return sock.get_channel_binding("tls-unique") or b""
        pem = self._real.cert_chain_pems[0].bytes().decode()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()  # trustme signs with SHA-256


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def decoded(line: str) -> str:
    return base64.b64decode(line).decode()


@contextmanager
def serving(server: BindingServer) -> Iterator[BindingServer]:
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(10)
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=[listener], daemon=True)
        thread.start()
        yield server
        thread.join(10)
        assert not thread.is_alive()


def log_in(server: BindingServer) -> None:
    with server.authority.cert_pem.tempfile() as ca_file:
        endpoint = Endpoint(
            HOST, server.port, tls=TLSPolicy.IMPLICIT, ca_file=ca_file, username="user", password=Secret(PASSWORD)
        )
        Session.open(endpoint).close()


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (ssl.TLSVersion.TLSv1_2, "tls-unique"),
        (ssl.TLSVersion.TLSv1_3, "tls-server-end-point"),
    ],
    ids=["TLS 1.2", "TLS 1.3"],
)
def test_law_11_a_login_is_bound_to_its_connection(version: ssl.TLSVersion, kind: str) -> None:
    with serving(BindingServer(version, kind)) as server:
        log_in(server)
    assert server.flags == [f"p={kind}"]


def test_law_11_a_login_that_somebody_passes_on_is_of_no_use() -> None:
    """His certificate is as good as the real one's; what the client signs names the one that it saw."""
    between = BindingServer(ssl.TLSVersion.TLSv1_3, "tls-server-end-point", between=True)
    with serving(between) as server, pytest.raises(MisconfiguredError):
        log_in(server)
