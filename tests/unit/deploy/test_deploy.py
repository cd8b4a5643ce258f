"""What `deploy/` names is there: settings, commands, metrics, extras, files. What is run of it: test_deploy_commands.py."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from notifier.cli.main import COMMANDS, group
from notifier.settings.table import TABLE
from notifier.telemetry.metrics import METRICS

pytestmark = pytest.mark.unit

TOP = Path(__file__).resolve().parents[3]
DEPLOY = TOP / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line in it, with where it stands."""
    for name, service in loaded(DEPLOY / "compose.yaml")["services"].items():
        if "command" in service and service.get("image", "notifier").startswith("notifier"):
            yield f"compose.yaml {name}", service["command"]
    for path in MANIFESTS:
        for container in loaded(path).get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if "command" in container:
                yield path.name, container["command"]
            for probe in ("livenessProbe", "readinessProbe"):
                if probe in container:
                    yield f"{path.name} {probe}", container[probe]["exec"]["command"]
    for path in (DEPLOY / "systemd").glob("*.service"):
        (line,) = re.findall(r"^ExecStart=(.+)", path.read_text(), re.MULTILINE)
        words = shlex.split(line.replace("%%", "%"))
        yield path.name, [words[0].removeprefix("/opt/notifier/bin/"), *words[1:]]
    for line in re.findall(r"CMD (\[.+\])", (DEPLOY / "Containerfile").read_text()):
        yield "Containerfile", yaml.safe_load(line)


def settings_in(text: str) -> set[str]:
    return {name.removesuffix("_FILE") for name in re.findall(r"\bNOTIFIER_[A-Z_]+\b", text)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_a_file_names_is_a_setting(path: Path) -> None:
    assert settings_in(path.read_text(encoding="utf-8")) <= {row.name for row in TABLE}


@pytest.mark.parametrize(("where", "words"), list(commands()), ids=[where for where, _ in commands()])
def test_every_command_is_one_with_options_that_it_knows(where: str, words: list[str]) -> None:
    program, *rest = words
    assert program in {"notifier", "celery"}
    if program == "celery":
        assert rest[:2] == ["--app", "worker"]
        return
    assert rest[0] in COMMANDS
    command = group.get_command(click.Context(group), rest[0])
    assert command is not None
    known = {name for option in command.params for name in option.opts}
    assert {word for word in rest[1:] if word.startswith("--")} <= known


def test_the_fleet_scales_by_metrics_that_there_are() -> None:
    (trigger,) = loaded(DEPLOY / "kubernetes" / "worker-scaling.yaml")["spec"]["triggers"]
    named = set(re.findall(r"\bnotifier_\w+", trigger["metadata"]["query"]))
    assert named
    assert named <= {name for metric in METRICS for name in metric.exposed}


def test_whoever_is_stopped_has_longer_than_celerys_soft_shutdown() -> None:
    grace = int(
        re.findall(r"^worker_soft_shutdown_timeout = (\d+)", (TOP / "celeryconfig.py").read_text(), re.MULTILINE)[0]
    )
    worker = loaded(DEPLOY / "compose.yaml")["services"]["worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > grace
    assert (
        loaded(DEPLOY / "kubernetes" / "worker.yaml")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        > grace
    )
    unit = (DEPLOY / "systemd" / "notifier-worker@.service").read_text()
    assert int(re.findall(r"^TimeoutStopSec=(\d+)", unit, re.MULTILINE)[0]) > grace


def test_the_image_takes_files_and_extras_that_there_are() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    (extras,) = re.findall(r"/src\[([^]]+)\]", text)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    let_in = re.findall(r"^!(\S+)", (DEPLOY / "Containerfile.dockerignore").read_text(), re.MULTILINE)
    assert [name for name in let_in if not (TOP / name).exists()] == []


def test_every_manifest_is_applied_but_the_example_of_secrets() -> None:
    applied = loaded(DEPLOY / "kubernetes" / "kustomization.yaml")["resources"]
    there = {path.name for path in MANIFESTS} - {"kustomization.yaml", "secret.example.yaml"}
    assert sorted(applied) == sorted(there)


@pytest.mark.parametrize(
    "path", [p for p in MANIFESTS if loaded(p)["kind"] == "Deployment"], ids=lambda path: path.name
)
def test_no_pod_is_root_or_writes_where_it_should_not(path: Path) -> None:
    """What `pod-security.kubernetes.io/enforce: restricted` refuses, and a little more."""
    pod = loaded(path)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container["resources"].keys()
