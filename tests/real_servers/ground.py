"""What a server stands on: a folder that its unprivileged processes can enter, free ports, a certificate, a process."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from workers import wait_until

from notifier.testing.held_port import HeldPort
from notifier.testing.supervised import SupervisedProcess

HOST = "127.0.0.1"
CLIENT = "mailer@x.example"  # whom the client's certificate is for


@contextmanager
def open_folder(server: str) -> Iterator[Path]:
    """A temporary folder that everybody may pass through: pytest's own are closed to the accounts that servers change to."""
    folder = Path(tempfile.mkdtemp(prefix=f"notifier-{server}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def held_ports(count: int) -> Iterator[list[int]]:
    """Loopback ports for a server that is told their numbers; nobody else gets them meanwhile."""
    held = [HeldPort() for _ in range(count)]
    try:
        yield [port.number for port in held]
    finally:
        for port in held:
            port.release()


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: what the server shows, the authority that both sides trust, and what a client may show."""

    chain: Path
    key: Path
    authority: Path
    client: Path

    @classmethod
    def issue(cls, folder: Path) -> Certificate:
        """For loopback, by an authority that signs nothing else."""
        made = cls(folder / "chain.pem", folder / "key.pem", folder / "authority.pem", folder / "client.pem")
        authority = trustme.CA()
        issued = authority.issue_cert(HOST, "localhost")
        issued.private_key_pem.write_to_path(made.key)
        authority.cert_pem.write_to_path(made.authority)
        authority.issue_cert(CLIENT).private_key_and_cert_chain_pem.write_to_path(made.client)
        made.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return made


@contextmanager
def running(
    command: Sequence[str], *, environ: Mapping[str, str], ports: Sequence[int | Path], said: Path
) -> Iterator[SupervisedProcess]:
    """The server in the foreground, listening at all its ports and Unix sockets; ``said`` gets its output."""
    with said.open("wb") as output:
        server = SupervisedProcess(command, env=environ, output=output)
    try:
        wait_until(lambda: not server.running or all(map(listens, ports)), f"{command[0]} listens")
        assert server.running, said.read_text(errors="replace")
        yield server
    finally:
        server.stop()


def listens(place: int | Path) -> bool:
    """At a port of loopback, or on a Unix socket."""
    family, address = (socket.AF_INET, (HOST, place)) if isinstance(place, int) else (socket.AF_UNIX, str(place))
    with socket.socket(family) as client:
        client.settimeout(1)
        return client.connect_ex(address) == 0
