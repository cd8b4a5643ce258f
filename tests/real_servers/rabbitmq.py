"""RabbitMQ: one node in a folder of its own, with a cookie, a port mapper and names that no other node knows."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kombu import Connection
from workers import wait_until

from notifier.testing.supervised import SupervisedProcess
from real_servers.ground import HOST, held_ports, listens, open_folder, running
from real_servers.installed import installed

PACKAGE = "rabbitmq-server"
PROGRAM = "usr/lib/rabbitmq/bin/rabbitmq-server"
CONFIGURATION = """
listeners.tcp.1 = {host}:{port}
log.console = true
log.console.level = warning
log.file = false
# The tests' folders are on whatever disk there is.
disk_free_limit.absolute = 1MB
"""


@dataclass
class RabbitMQ:
    """A node that can be killed and started again with what it had stored."""

    scripts: Path
    folder: Path
    environ: dict[str, str]
    port: int
    process: SupervisedProcess | None = None
    _starts: int = field(default=0)

    @property
    def url(self) -> str:
        """For ``NOTIFIER_BROKER_URL``."""
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    def launch(self) -> None:
        """Start it; it is up in some seconds."""
        self._starts += 1
        with (self.folder / f"log-{self._starts}").open("wb") as log:
            self.process = SupervisedProcess([str(self.scripts / "rabbitmq-server")], env=self.environ, output=log)

    def start(self) -> None:
        """The same, and wait until it listens."""
        self.launch()
        process = self.process
        assert process is not None
        wait_until(lambda: not process.running or listens(self.port), "RabbitMQ listens", look_every=0.1)
        assert process.running, self.said()

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        self.process.kill()

    def stop(self) -> None:
        """The end of the node, if it runs."""
        if self.process is not None:
            self.process.kill()

    def control(self, *command: str) -> str:
        """What ``rabbitmqctl`` says; it takes seconds, for it is a node of its own."""
        return self._said_by("rabbitmqctl", *command)

    def _said_by(self, program: str, *command: str) -> str:
        called = [str(self.scripts / program), *command]
        made = subprocess.run(called, env=self.environ, capture_output=True, text=True, check=False, timeout=60)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def write_down_its_queues(self) -> None:
        """Have it do at once what it does in a while: know after a ``kill -9`` that it had led its quorum queues.

        One whose name was not on disk comes back with no leader for ever (rabbitmq-server 15725).
        """
        self.control("eval", "dets:sync(ra_directory_reverse).")

    def forget_its_part_in(self, queue: str) -> None:
        """Have it lose, with the next ``kill -9``, what `write_down_its_queues` writes down."""
        name = f"'%2F_{queue}'"
        there = self.control("eval", f"dets:member(ra_directory_reverse, {name}).")
        assert there.strip() == "true", f"it has no queue {queue}: {there}"
        self.control("eval", f"dets:delete(ra_directory_reverse, {name}), dets:sync(ra_directory_reverse).")

    def has_a_leader(self, queue: str) -> bool:
        """Whether somebody leads a quorum queue, by `rabbitmq-queues quorum_status`."""
        return "leader" in self._said_by("rabbitmq-queues", "quorum_status", queue)

    def depth(self, queue: str) -> int:
        """Messages that lie in the queue, unread."""
        with Connection(self.url) as connection:
            return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)

    def forget(self, *queues: str) -> None:
        """What another test has left there."""
        with Connection(self.url) as connection:
            for queue in queues:
                connection.default_channel.queue_delete(queue=queue)

    def said(self) -> str:
        """Everything that it has said since its last start."""
        return (self.folder / f"log-{self._starts}").read_text(errors="replace")


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """One node for all tests; who kills it starts it again."""
    with started() as node:
        yield node


@contextmanager
def started() -> Iterator[RabbitMQ]:
    root = installed(PACKAGE, PROGRAM)
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder("rabbitmq"))
        port, mapper, distribution = stack.enter_context(held_ports(3))
        environ = _environ(root, folder, mapper, distribution)
        (folder / "rabbitmq.conf").write_text(CONFIGURATION.format(host=HOST, port=port))
        (folder / "enabled_plugins").write_text("[].")
        _cookie(folder)
        # The node would start one that outlives it.
        epmd = [f"{environ['BINDIR']}/epmd", "-port", str(mapper)]
        stack.enter_context(running(epmd, environ=environ, ports=[mapper], said=folder / "epmd.log"))
        scripts = next((root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
        node = RabbitMQ(scripts, folder, environ, port)
        stack.callback(node.stop)
        node.start()
        yield node


def _environ(root: Path, folder: Path, mapper: int, distribution: int) -> dict[str, str]:
    erlang = root / "usr/lib/erlang"
    programs = next(erlang.glob("erts-*/bin"))
    return {
        "PATH": f"{_erl(folder)}:{erlang / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ROOTDIR": str(erlang),
        "BINDIR": str(programs),
        "EMU": "beam",
        "PROGNAME": "erl",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": "notifier@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RUNNING_UNDER_SYSTEMD": "true",  # the node itself in place of a shell that passes signals on
    }


def _erl(folder: Path) -> Path:
    """A folder with an ``erl`` that believes its environment: the package's own knows only where it would be installed."""
    made = folder / "bin"
    made.mkdir()
    (made / "erl").write_text('#!/bin/sh\nexec "$BINDIR/erlexec" "$@"\n')
    (made / "erl").chmod(0o755)
    return made


def _cookie(folder: Path) -> None:
    cookie = folder / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
