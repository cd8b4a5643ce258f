"""Every command of `deploy/` is run, with a real Valkey: as the image has them, in a folder of worker.py and celeryconfig.py."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from workers import TOP, wait_until

from notifier.testing import CatchingServer, EmbeddedValkey
from notifier.testing.held_port import HeldPort
from notifier.testing.supervised import SupervisedProcess

DEPLOY = TOP / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
IMAGE = (DEPLOY / "Containerfile").read_text()
COUNTED = re.compile(rb'^notifier_settled_total\{.*state="sent".*\} 1\.0$', re.MULTILINE)


class Host:
    """A machine with the application and nothing else of it."""

    def __init__(self, folder: Path, valkey: EmbeddedValkey, relay: CatchingServer) -> None:
        self.folder, self.relay = folder, relay
        for name in ("worker.py", "celeryconfig.py"):
            shutil.copy(TOP / name, folder)
        programs = folder / "bin"
        programs.mkdir()
        for name, module in (("notifier", "notifier.cli.main"), ("celery", "celery.__main__")):
            (programs / name).write_text(
                f'#!/bin/sh\nexec {sys.executable} -c "from {module} import main; main()" "$@"\n'
            )
            (programs / name).chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
        self.environ = {
            **clean,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": f"{TOP}:{folder}",
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": relay.url,
            "NOTIFIER_FROM": "Shop <shop@example.com>",
            "NOTIFIER_HEALTH": str(folder / "health"),
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            "NOTIFIER_LOG": "json",
        }
        self.started: list[SupervisedProcess] = []
        self.held: list[HeldPort] = []

    def port(self) -> int:
        self.held.append(HeldPort())
        return self.held[-1].number

    def start(self, words: list[str], **environ: str) -> Path:
        """The log of what was begun."""
        log = self.folder / f"{len(self.started)}.log"
        program = str(self.folder / "bin" / words[0])
        with log.open("wb") as output:
            process = SupervisedProcess(
                [program, *words[1:]], env={**self.environ, **environ}, cwd=self.folder, output=output
            )
        self.started.append(process)
        return log

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / words[0], *words[1:]],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with EmbeddedValkey() as valkey, CatchingServer() as relay:
        made = Host(tmp_path_factory.mktemp("host"), valkey, relay)
        yield made
        for process in made.started:
            process.kill()
        for port in made.held:
            port.release()


def in_json(text: str) -> list[str]:
    return list(yaml.safe_load(text))


def elsewhere(words: list[str], port: int) -> list[str]:
    """The same on a free port of loopback: others' tests run on this machine too."""
    return [
        re.sub(r"^(0\.0\.0\.0:)?(9465|8026)$", lambda found: f"127.0.0.1:{port}" if found[1] else str(port), word)
        for word in words
    ]


def test_the_images_worker_sends_and_its_probes_say_so(host: Host) -> None:
    (command,) = re.findall(r"^CMD (\[.+\])", IMAGE, re.MULTILINE)
    (probe,) = re.findall(r"^HEALTHCHECK .* CMD (\[.+\])", IMAGE, re.MULTILINE)
    assert host.run(in_json(probe)).returncode != 0, "nothing runs yet"
    metrics = f"127.0.0.1:{host.port()}"
    log = host.start(in_json(command), NOTIFIER_METRICS=metrics)
    wait_until(lambda: host.run(in_json(probe)).returncode == 0, f"the worker is alive: {log}", 0.5)
    wait_until(lambda: host.run(["notifier", "ready"]).returncode == 0, "and ready", 0.5)
    assert (
        host.run(["notifier", "send", "welcome", "--to", "zoe@example.com", "--context", '{"name": "Zoë"}']).returncode
        == 0
    )
    # The relay has the mail before the worker hears so, and a worker counts what it has settled.
    wait_until(
        lambda: COUNTED.search(page(metrics)) is not None,
        "the mail is counted",
        0.2,
        lambda: f": {log.read_text()[-2000:]}",
    )
    assert len(host.relay.mailbox) == 1


def test_beat_metrics_and_console_of_the_compose_file_run(host: Host) -> None:
    beat = host.start([*SERVICES["beat"]["command"][:-3], str(host.folder / "beat"), *SERVICES["beat"]["command"][-2:]])
    numbers = host.port(), host.port()
    host.start(elsewhere(SERVICES["metrics"]["command"], numbers[0]))
    console = host.start(elsewhere(SERVICES["console"]["command"], numbers[1]))
    wait_until(lambda: "beat: Starting" in beat.read_text(), "beat runs", 0.2)
    wait_until(lambda: b"notifier_mails" in page(f"127.0.0.1:{numbers[0]}"), "the store's figures are there", 0.2)
    wait_until(lambda: re.search(r"http://\S+", console.read_text()) is not None, "the console tells its link", 0.2)


def page(place: str) -> bytes:
    """The metrics that are served there; nothing where nobody does."""
    connection = HTTPConnection(place, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


def test_a_units_worker_has_the_images_command_but_for_its_name(host: Host) -> None:
    unit = (DEPLOY / "systemd" / "notifier-worker@.service").read_text()
    (line,) = re.findall(r"^ExecStart=/opt/notifier/bin/(.+)", unit, re.MULTILINE)
    (command,) = re.findall(r"^CMD (\[.+\])", IMAGE, re.MULTILINE)
    assert shlex.split(line.replace(" --hostname %i@%%h", "")) == in_json(command)


def test_a_pods_command_is_the_images(host: Host) -> None:
    manifest = yaml.safe_load((DEPLOY / "kubernetes" / "worker.yaml").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert "command" not in container
    for name in ("beat", "metrics"):
        pod = yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())["spec"]["template"]["spec"]
        assert pod["containers"][0]["command"] == SERVICES[name]["command"]
