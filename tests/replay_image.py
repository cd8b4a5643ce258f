"""Replays deploy/Containerfile without a container: python -m replay_image --python /usr/bin/python3 (in tests/; as root, for it becomes another user).

Its RUN and COPY steps are done in a scratch folder, with this machine's Python in the place of the image's. Then the image's command
runs as the image's user, who can write to the folders alone that deploy/ mounts; it sends a mail, says that it lives, and drains. So do
the commands of the compose file and of the manifests. It takes a minute or two, most of it pip's.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from workers import TOP, wait_until

from notifier.testing import CatchingServer, EmbeddedValkey
from notifier.testing.held_port import HeldPort
from notifier.testing.supervised import SupervisedProcess

DEPLOY = TOP / "deploy"
UID = 10001
ROOTS = ("/opt/notifier", "/src", "/app", "/var/lib/notifier", "/run/notifier", "/tmp")  # noqa: S108 - the image's


class Image:
    """A scratch folder in the place of the image's root."""

    def __init__(self, root: Path, python: str) -> None:
        self.root, self.python = root, python
        self.environ: dict[str, str] = {}
        self.command: list[str] = []
        self.probe: list[str] = []

    def here(self, text: str) -> str:
        """Paths of the image, as they are here."""
        places = "|".join(map(re.escape, ROOTS))
        return re.sub(rf"(?<![\w.])({places})(?![\w])", lambda found: f"{self.root}{found[1]}", text)

    def build(self) -> None:
        for words in _instructions((DEPLOY / "Containerfile").read_text(encoding="utf-8")):
            name, _, rest = words.partition(" ")
            getattr(self, f"do_{name.lower()}", lambda _: None)(rest)

    def do_run(self, shell: str) -> None:
        shell = re.sub(r"useradd [^&]+&& ", "", shell).replace("-o notifier -g notifier", f"-o {UID} -g {UID}")
        print("RUN", shell, flush=True)
        python = self.here(shell).replace("python -m venv", f"{self.python} -m venv")
        subprocess.run(["sh", "-ec", python.replace("pip install", "pip install --quiet")], check=True, cwd=self.root)

    def do_copy(self, words: str) -> None:
        if words.startswith("--from="):
            return  # both stages are one folder here
        *sources, target = words.split()
        there = Path(self.here(target))
        there.mkdir(parents=True, exist_ok=True)
        for source in sources:
            _copy_context(there) if source == "." else shutil.copy(TOP / source, there)

    def do_env(self, words: str) -> None:
        pairs = (pair.partition("=") for pair in words.split())
        self.environ |= {name: self.here(value.replace("$PATH", os.environ["PATH"])) for name, _, value in pairs}

    def do_cmd(self, words: str) -> None:
        self.command = json.loads(words)

    def do_healthcheck(self, words: str) -> None:
        self.probe = json.loads(words.partition("CMD ")[2])


def _instructions(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    yield from re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()


def _copy_context(there: Path) -> None:
    """What .dockerignore lets in."""
    rules = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    for name in let_in:
        ignored = shutil.ignore_patterns("__pycache__")
        source = TOP / name
        shutil.copytree(source, there / name, ignore=ignored) if source.is_dir() else shutil.copy(source, there)
    assert not fnmatch.filter([path.name for path in there.rglob("*")], "__pycache__")


class Container:
    """Processes of the image, by its user, with the store and the relay of this program."""

    def __init__(self, image: Image, environ: Mapping[str, str]) -> None:
        self.image = image
        self.environ = {
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            **image.environ,
            **environ,
            "TMPDIR": str(image.root / "tmp"),
        }

    def words(self, command: list[str]) -> list[str]:
        whole = [self.image.here(word) for word in command]
        program = f"{self.image.root}/opt/notifier/bin/{whole[0]}"
        return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", program, *whole[1:]]

    def start(self, command: list[str], log: Path) -> SupervisedProcess:
        with log.open("wb") as output:
            return SupervisedProcess(self.words(command), env=self.environ, cwd=self.image.root / "app", output=output)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(command), env=self.environ, cwd=self.image.root / "app", capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip


def installed_and_not_fixed(image: Image) -> set[str]:
    """Packages whose versions requirements.txt does not say."""
    freeze = [f"{image.root}/opt/notifier/bin/pip", "list", "--format=json", "--disable-pip-version-check"]
    there = {
        one["name"] for one in json.loads(subprocess.run(freeze, check=True, capture_output=True, text=True).stdout)
    }
    fixed = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==", (TOP / "requirements.txt").read_text(), re.MULTILINE))
    plain = {re.sub(r"[-_.]+", "-", name).lower() for name in fixed}
    return {name for name in there if re.sub(r"[-_.]+", "-", name).lower() not in plain} - {
        "notifier-worker",
        "pip",
        "setuptools",
    }


def send_and_drain(container: Container, relay: CatchingServer, folder: Path) -> None:
    worker = container.start(container.image.command, folder / "worker.log")
    try:
        wait_until(lambda: container.run(container.image.probe).returncode == 0, "the worker is alive", 0.5)
        wait_until(lambda: container.run(["notifier", "ready"]).returncode == 0, "and ready", 0.5)
        sent = container.run(["notifier", "send", "welcome", "--to", "zoe@example.com", "--context", '{"name": "Zoë"}'])
        assert sent.returncode == 0, sent.stderr
        wait_until(lambda: len(relay.mailbox) == 1, "the mail is there", 0.2)
        assert worker.stop(60) == 0, (folder / "worker.log").read_text()
        assert container.run(container.image.probe).returncode == 1
    finally:
        worker.kill()
    print("worker: sent, alive, ready, drained", flush=True)


def commands() -> Iterator[tuple[str, list[str]]]:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    yield from ((f"compose {name}", services[name]["command"]) for name in ("beat", "metrics", "console"))
    for name in ("beat", "metrics", "console"):
        pod = yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())["spec"]["template"]["spec"]
        yield f"kubernetes {name}", pod["containers"][0]["command"]


SAYS = {"beat": "beat: Starting", "metrics": "http://", "console": "http://"}


def _on_port(words: list[str], number: int) -> list[str]:
    """A free one: this machine may have a console of its own."""
    return [re.sub(r"^(0\.0\.0\.0:)?(9465|8026)$", rf"\g<1>{number}", word) for word in words]


def others_run(container: Container, folder: Path) -> None:
    for where, words in commands():
        port = HeldPort()
        here = _on_port(words, port.number)
        log = folder / f"{where.replace(' ', '-')}.log"
        process = container.start(here, log)
        try:
            said = SAYS[where.split()[1]]
            wait_until(lambda: said in log.read_text() or not process.running, f"{where} has begun", 0.2)  # noqa: B023
            assert process.running, log.read_text()
            print(f"{where}: {log.read_text().strip().splitlines()[-1][:120]}", flush=True)
        finally:
            process.kill()
            port.release()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--python", default=sys.executable, help="one that the user can read too (root's home is closed to him)"
    )
    with tempfile.TemporaryDirectory() as scratch, EmbeddedValkey() as valkey, CatchingServer(starttls=False) as relay:
        image, logs = Image(Path(scratch) / "root", options.parse_args().python), Path(scratch) / "logs"
        Path(scratch).chmod(0o755)
        logs.mkdir()
        (image.root / "tmp").mkdir(parents=True)
        (image.root / "tmp").chmod(0o1777)
        image.build()
        print("installed, and not in requirements.txt:", installed_and_not_fixed(image) or "nothing", flush=True)
        settings = {
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": relay.url,
            "NOTIFIER_FROM": "Shop <shop@example.com>",
        }
        container = Container(image, settings)
        send_and_drain(container, relay, logs)
        # In a pod they have no folder for the journal: only the workers' manifest mounts one.
        shutil.rmtree(image.root / "var")
        others_run(container, logs)
        theirs = [path for path in image.root.rglob("*") if path.lstat().st_uid == UID]
        outside = [
            path
            for path in theirs
            if not path.is_relative_to(image.root / "tmp") and path != image.root / "run/notifier"
        ]
        print("written by its user, outside of what is mounted:", outside or "nothing")


if __name__ == "__main__":
    main()
