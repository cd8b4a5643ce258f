"""Real forks of processes whose pools have sessions: the child writes nothing on them, and the parent goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from notifier.testing import HostileServer

PROGRAM = Path(__file__).parents[1] / "programs" / "forks.py"


def run(story: str, server: HostileServer, child: str = "") -> None:
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        PROGRAM,
        story,
        str(server.port),
        server.ca_file or "",
        child,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=[False, True], ids=["clear text", "TLS"])
def tls(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("child", ["nothing", "uses_the_pool", "uses_what_was_lent", "ends_in_order"])
def test_a_child_leaves_what_is_parked_and_lent_to_its_parent(child: str, tls: bool) -> None:
    with HostileServer(offers=("PIPELINING",), tls=tls) as server:
        run("lent", server, child)
        assert server.at_rest()
        parents, others = server.heard[:2], server.heard[2:]
        hello = b"EHLO us.example\r\n" + (b"STARTTLS\r\nEHLO us.example\r\n" if tls else b"")
        mail = b"MAIL FROM:<us@example.com>\r\nRCPT TO:<parent@example.com>\r\nDATA\r\n"
        mails = [heard.removeprefix(hello).removesuffix(b"QUIT\r\n") for heard in parents]
        assert sorted(mails) == [mail * 2, mail * 3], "and not an octet more"
        assert all(heard.startswith(hello) and heard.endswith(b"QUIT\r\n") for heard in parents)
        assert len(others) == (child == "uses_the_pool")
        assert all(heard.endswith(b"QUIT\r\n") for heard in others)


def test_children_that_are_forked_while_threads_use_the_pool(tls: bool) -> None:
    with HostileServer(offers=("PIPELINING",), tls=tls) as server:
        run("load", server)
        assert server.at_rest()
        senders = [message.recipients for message in server.accepted]
        assert senders.count(("child@example.com",)) == 40
        assert senders.count(("parent@example.com",)) > 0
        assert all(heard.endswith(b"QUIT\r\n") for heard in server.heard), "each ends in order, and once"
