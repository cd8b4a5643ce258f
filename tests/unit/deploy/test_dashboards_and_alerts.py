"""What is in ``deploy/`` for Prometheus and Grafana names metrics and labels that there are, and each part says why it is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from notifier.cli.main import group
from notifier.telemetry.exposition import exposed
from notifier.telemetry.metrics import METRICS, Kind

TOP = Path(__file__).parents[3]
RULES = TOP / "deploy" / "alerts" / "notifier.rules.yml"
DASHBOARD = TOP / "deploy" / "dashboards" / "notifier.json"
EXPOSED = {name: metric for metric in METRICS for name in metric.exposed}
OF_PROMETHEUS = {"le", "instance", "job"}

# As Prometheus 2.42 reads them; promtool, where it is there, checks the expressions as well.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
ALERT = {
    "type": "object",
    "required": ["alert", "expr", "labels", "annotations"],
    "additionalProperties": False,
    "properties": {
        "alert": {"type": "string", "pattern": "^Notifier[A-Za-z]+$"},
        "expr": {"type": "string"},
        "for": {"type": "string", "pattern": "^[0-9]+[smhd]$"},
        "labels": {**TEXTS, "required": ["severity"], "properties": {"severity": {"enum": ["critical", "warning"]}}},
        "annotations": {**TEXTS, "required": ["summary", "reason", "action"]},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "rules"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "rules": {"type": "array", "items": ALERT, "minItems": 1}},
            },
        }
    },
}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    dashboard = json.loads(DASHBOARD.read_text())
    for note in dashboard["annotations"]["list"]:
        yield note["name"], note["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


EVERY = list(expressions())


@pytest.mark.parametrize(("where", "expression"), EVERY)
def test_every_metric_that_is_named_is_in_the_table(where: str, expression: str) -> None:
    named = re.findall(r"\bnotifier_\w+", expression)
    assert named, where
    assert [name for name in named if name not in EXPOSED] == [], where


@pytest.mark.parametrize(("where", "expression"), EVERY)
def test_every_label_that_is_named_is_one_of_its_metrics(where: str, expression: str) -> None:
    labels = {label for name in re.findall(r"\bnotifier_\w+", expression) for label in EXPOSED[name].labels}
    grouped = [one.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for one in group.split(",")]
    matched = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression)
    assert {*grouped, *matched} - OF_PROMETHEUS <= labels, where


@pytest.mark.parametrize(("where", "expression"), EVERY)
def test_what_only_grows_is_asked_for_its_rate(where: str, expression: str) -> None:
    for name in re.findall(r"\bnotifier_\w+", expression):
        if EXPOSED[name].kind is not Kind.GAUGE:
            assert re.search(rf"(rate|increase)\({name}\b", expression), where


def test_every_metric_is_in_the_dashboard_or_an_alert_or_has_no_need_to_be() -> None:
    used = {EXPOSED[name].name for _, expression in EVERY for name in re.findall(r"\bnotifier_\w+", expression)}
    assert {metric.name for metric in METRICS} - used == {
        "notifier_batch_seconds",  # what its steps do not tell is little
        "notifier_breaker_closed_total",
        "notifier_ledger_changes_total",  # the store's own timestamp says it for the fleet
        "notifier_oldest_mail_age_seconds",
        "notifier_parked_after_restore_total",
        "notifier_suppressed_addresses",
        "notifier_sweeps_total",
    }


def test_the_rules_have_the_shape_that_prometheus_reads() -> None:
    jsonschema.validate(yaml.safe_load(RULES.read_text()), SCHEMA)
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_why_it_is_worth_looking(rule: dict[str, Any]) -> None:
    assert len(rule["annotations"]["reason"]) > 40


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_command_that_an_alert_advises_can_be_called_so(rule: dict[str, Any]) -> None:
    program, *words = re.sub(r"{{.*?}}", "queue", rule["annotations"]["action"]).split()
    if program == "notifier":
        command: click.Command | None = group
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None
        command.make_context(program, words)  # raises where it is no command, or lacks something


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_why_it_is_there_and_has_its_place(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 30
    place = panel["gridPos"]
    assert place["x"] + place["w"] <= 24
    assert panel["datasource"]["uid"] == "${datasource}"


def test_no_two_panels_cover_each_other() -> None:
    cells = [
        (x, y)
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)


@pytest.fixture(scope="module")
def promtool() -> str:
    unpacked = TOP / ".cache" / "servers" / "prometheus" / "usr" / "bin" / "promtool"
    found = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)
    if found is None:
        assert not os.environ.get("CI"), "CI unpacks Prometheus (tests/install_servers.sh)"
        pytest.skip("there is no promtool here; the rules' shape is checked by a schema of our own")
    return found


@pytest.mark.long  # `make check` may run before CI has unpacked it; the others that need it as well
def test_promtool_accepts_the_rules(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", str(RULES)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_promtool_reads_the_dashboards_expressions(promtool: str, tmp_path: Path) -> None:
    asked = [one for panel in panels() for one in panel["targets"]]
    recorded = [
        {"record": f"panel:{number}", "expr": one["expr"].replace("$__rate_interval", "5m").replace("$queue", ".*")}
        for number, one in enumerate(asked)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(tmp_path / "rules.yml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_promtool_finds_nothing_to_say_about_the_names(promtool: str) -> None:
    figured = {(one.name, tuple("x" for _ in one.labels)): [1.0] * one.values for one in METRICS}
    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposed(figured)[0], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


# What stands for half an hour, a value a minute, and the alerts that fire then: promtool reckons it. Two who are asked for the
# store's figures say the same twice, and that is no worse than once.
SCENES: dict[str, tuple[dict[str, str], set[str]]] = {
    "all is well": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            'notifier_due_mails{queue="mail",instance="a"}': "5+0x40",
            'notifier_live_slots{queue="mail",instance="a"}': "4+0x40",
            'notifier_oldest_due_age_seconds{queue="mail.urgent",instance="a"}': "2+0x40",
            'notifier_store_changed_timestamp_seconds{instance="a"}': "0+0x40",
            'notifier_settled_total{queue="mail",state="sent",instance="a"}': "0+60x40",
            'notifier_failures_total{queue="mail",reason="R7",instance="a"}': "0+1x40",
            'notifier_breaker_open{relay="r:25",about="host",instance="a"}': "0+0x40",
            'notifier_mails{queue="mail",state="parked",instance="a"}': "0+0x40",
        },
        set(),
    ),
    "nobody consumes a queue": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            **{f'notifier_due_mails{{queue="mail",instance="{one}"}}': "5+0x40" for one in "ab"},
            **{f'notifier_live_slots{{queue="mail",instance="{one}"}}': "0+0x40" for one in "ab"},
        },
        {"NotifierNoWorker"},
    ),
    "the store is away": ({'notifier_store_up{instance="a"}': "0+0x40"}, {"NotifierStoreAway"}),
    "nobody is asked": ({'up{job="x"}': "1+0x40"}, {"NotifierMetricsMissing"}),
    "codes are late": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            'notifier_oldest_due_age_seconds{queue="mail.urgent",instance="a"}': "61+60x40",
        },
        {"NotifierUrgentMailsLate"},
    ),
    "a list is bad": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            'notifier_settled_total{queue="mail",state="sent",instance="w"}': "0+60x40",
            'notifier_failures_total{queue="mail",reason="R7",instance="w"}': "0+6x40",
        },
        {"NotifierManyFailures"},
    ),
    "a worker was killed at the dot": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            'notifier_unknown_total{queue="mail",cause="Z8",instance="a"}': "0x25 1x15",
            'notifier_mails{queue="mail",state="parked",instance="a"}': "0x25 1x15",
            'notifier_rung_again_total{queue="mail",from_state="at_dot",instance="w"}': "0x25 1x15",
        },
        {"NotifierUnknownOutcomes", "NotifierWorkersDie"},
    ),
    "a login is refused": (
        {
            'notifier_store_up{instance="a"}': "1+0x40",
            'notifier_breaker_open{relay="r:25",about="account",instance="a"}': "1+0x40",
            'notifier_breaker_open{relay="r:25",about="host",instance="a"}': "0+0x40",
        },
        {"NotifierRelayRefusesLogin"},
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
def test_the_alerts_that_fire_are_those_that_should(promtool: str, tmp_path: Path, scene: str) -> None:
    series, firing = SCENES[scene]
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "31m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps({"rule_files": [str(RULES)], "tests": [test]}))
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "test.yml")], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
