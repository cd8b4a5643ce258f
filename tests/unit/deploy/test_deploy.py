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
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.celery import celery

from notifier.cli.main import group
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
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
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
def test_every_command_is_one_with_options_that_it_knows(
    where: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_HEALTH", "/run/notifier/health")  # the image says it, and the manifests
    program, *rest = words
    if program == "celery":
        assert rest[:2] == ["--app", "worker"]
        # Celery's own parser asks the app for its defaults.
        known_to_the_parser(celery, rest[2:], CLIContext(app=Celery(), no_color=True, workdir=None))
    else:
        assert program == "notifier"
        known_to_the_parser(group, rest)


def known_to_the_parser(command: Any, words: list[str], obj: object = None) -> None:
    """Raises `click.UsageError` where the command does not know what is said to it."""
    context = None
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context, obj=obj)
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    command.make_context(command.name, list(words), parent=context)


def test_no_command_has_a_secret_in_its_arguments() -> None:
    assert [where for where, words in commands() for word in words if "://" in word or "password" in word] == []


def test_the_fleet_scales_by_metrics_that_there_are() -> None:
    (trigger,) = loaded(DEPLOY / "kubernetes" / "worker-scaling.yaml")["spec"]["triggers"]
    named = set(re.findall(r"\bnotifier_\w+", trigger["metadata"]["query"]))
    assert named
    assert named <= {name for metric in METRICS for name in metric.exposed}
    # Two exporters of one store run beside each other while a deployment replaces one.
    assert trigger["metadata"]["query"].count("max by (queue") == len(named)


def test_whoever_is_stopped_has_as_long_as_the_page_about_it_says() -> None:
    page = (TOP / "docs" / "how-to" / "operating.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"`terminationGracePeriodSeconds: (\d+)`, `TimeoutStopSec=\1`", page)
    worker = loaded(DEPLOY / "compose.yaml")["services"]["worker"]
    pod = loaded(DEPLOY / "kubernetes" / "worker.yaml")["spec"]["template"]["spec"]
    unit = (DEPLOY / "systemd" / "notifier-worker@.service").read_text()
    assert worker["stop_grace_period"] == f"{said}s"
    assert pod["terminationGracePeriodSeconds"] == int(said)
    assert re.findall(r"^TimeoutStopSec=(\d+)", unit, re.MULTILINE) == [said]
    # SIGQUIT waits for so long: it must come to its end as well.
    soft = re.findall(r"^worker_soft_shutdown_timeout = (\d+)", (TOP / "celeryconfig.py").read_text(), re.MULTILINE)
    assert int(soft[0]) < int(said)


def test_the_pages_probes_are_the_manifests() -> None:
    page = (TOP / "docs" / "how-to" / "operating.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (worker,) = loaded(DEPLOY / "kubernetes" / "worker.yaml")["spec"]["template"]["spec"]["containers"]
    probes = {name: probe for name, probe in yaml.safe_load(shown).items() if name != "env"}
    assert {name: worker[name] for name in probes} == probes


def test_what_a_worker_writes_is_mounted_and_shared_where_it_has_to_be() -> None:
    """The journal's and the health file's folders, from the settings that each way of deploying gives."""
    settings = loaded(DEPLOY / "kubernetes" / "settings.yaml")["data"]
    (worker,) = loaded(DEPLOY / "kubernetes" / "worker.yaml")["spec"]["template"]["spec"]["containers"]
    mounted = {Path(one["mountPath"]) for one in worker["volumeMounts"]}
    image = dict(re.findall(r"(NOTIFIER_(?:JOURNAL|HEALTH))=(\S+)", (DEPLOY / "Containerfile").read_text()))
    assert image == {name: settings[name] for name in image}
    assert {Path(path).parent for path in image.values()} <= mounted
    services = loaded(DEPLOY / "compose.yaml")["services"]
    written = {Path(one.split(":")[-1]) for one in services["worker"]["volumes"]}
    written |= {Path(one.split(":")[0]) for one in services["worker"]["tmpfs"]}
    assert {Path(path).parent for path in image.values()} <= written


def test_the_store_of_the_compose_file_is_one_that_we_have_nothing_against() -> None:
    words = loaded(DEPLOY / "compose.yaml")["services"]["valkey"]["command"][1:]
    config = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    assert config == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


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
