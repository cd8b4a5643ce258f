"""The table of the metrics: names by Prometheus' conventions, and nothing that is not documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifier.telemetry.metrics import BY_NAME, METRICS, Kind, Metric

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"notifier_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.kind is not Kind.HISTOGRAM or metric.name.endswith("_seconds")
    assert not re.search(r"_(ms|millis|minutes|kb|mb)(_|$)", metric.name)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert set(metric.bounded) <= set(metric.labels)
    assert not {"le", "quantile", "job", "instance"} & set(metric.labels)


def test_no_name_is_there_twice() -> None:
    assert len(BY_NAME) == len(METRICS)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_metric_is_in_the_reference(name: str) -> None:
    assert f"| `{name}` |" in REFERENCE.read_text(encoding="utf-8"), "run: python -m docs.reference"


def test_what_an_application_or_a_stranger_names_is_bounded() -> None:
    free = {"queue", "relay", "template", "reason", "cause", "name"}
    for metric in METRICS:
        few = {"reason"} if metric.name == "notifier_sessions_retired_total" else set()  # the pool's own words
        assert free & set(metric.labels) - few == set(metric.bounded), metric.name
