"""`notifier demo`: its own comparison, its end, and what it leaves behind (nothing)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from workers import TOP

# With a Ctrl-C that works: what a shell starts in the background inherits an ignored one.
CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
DEMO = [sys.executable, "-c", f"{CTRL_C}; from notifier.cli import main; main()", "demo"]
TIMEOUT = 180
FEW, MANY = 20, 150  # orders; with many, some have arrived and others have not when the worker is killed


def processes_of(marker: str) -> list[psutil.Process]:
    """Every process whose environment has the marker."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DEMO_TEST") == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def run(marker: str, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DEMO_TEST": marker, "COLUMNS": "100"}
    return subprocess.run([*DEMO, *options], env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """So few orders that the demo is at rest soon."""
    return first_orders(FEW, tmp_path)


def first_orders(number: int, folder: Path) -> Path:
    """Of the demo's own."""
    orders = (TOP / "examples/mail_merge/orders.csv").read_text().splitlines(keepends=True)
    file = folder / "orders.csv"
    file.write_text("".join(orders[: 1 + number]))
    return file


def test_every_mail_ends_as_it_should_and_nothing_is_left(tmp_path: Path) -> None:
    found = run(str(tmp_path), "--exit")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "none missing, none twice" in found.stdout
    rows = dict(re.findall(r"│ ([a-z ]+?) +│ (\d+) +│", found.stdout))
    assert rows == {"accepted": "561", "accepted after retry": "6", "refused": "1", "rejected at the call": "1"}
    assert "550 5.1.1 No such user here" in found.stdout
    assert re.search(r"p50 \d+ ms, p99 \d+ ms", " ".join(found.stdout.split()))
    assert not processes_of(str(tmp_path))


def test_a_worker_killed_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    found = run(str(tmp_path), "--exit", "--kill-worker", "--csv", str(first_orders(MANY, tmp_path)))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "kill -9" in found.stdout
    assert "restarted 1 times" in " ".join(found.stdout.split())
    assert "none missing, none twice" in found.stdout
    assert not processes_of(str(tmp_path))


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["Ctrl-C", "SIGTERM", "kill -9"]
)
@pytest.mark.parametrize("moment", ["enqueued", "Ctrl-C ends everything"], ids=["in mid-run", "at rest"])
def test_whatever_ends_the_demo_no_process_is_left(tmp_path: Path, few: Path, number: int, moment: str) -> None:
    command = DEMO if moment == "enqueued" else [*DEMO, "--csv", str(few)]
    environ = {
        **os.environ,
        "DEMO_TEST": str(tmp_path),
        "COLUMNS": "100",
        "TTY_COMPATIBLE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    demo = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    watchdog = threading.Timer(TIMEOUT, demo.kill)
    watchdog.start()
    assert demo.stdout is not None
    seen = b""
    try:
        while moment.encode() not in seen:
            octets = os.read(demo.stdout.fileno(), 65536)
            assert octets, seen.decode()
            seen += octets
        demo.send_signal(number)
        while os.read(demo.stdout.fileno(), 65536):  # until it has ended, and all that wrote to its output
            pass
        demo.wait(30)
    finally:
        watchdog.cancel()
        demo.stdout.close()
    _, alive = psutil.wait_procs(processes_of(str(tmp_path)), timeout=20)
    assert not alive, [process.cmdline() for process in alive]


def test_servers_of_ones_own_and_json_for_programs(tmp_path: Path, few: Path) -> None:
    from notifier.testing import CatchingServer, EmbeddedValkey

    with EmbeddedValkey() as valkey, CatchingServer() as server:
        own = ("--broker-url", valkey.url, "--smtp-url", server.url)
        found = run(str(tmp_path), "--exit", "--json", "--csv", str(few), *own)
        assert found.returncode == 0, found.stdout + found.stderr
        assert len(server.mailbox) == FEW
        told = json.loads(found.stdout)
        assert (told["rows"], told["counts"], told["all_right"], told["page"]) == (FEW, {"accepted": FEW}, True, None)
