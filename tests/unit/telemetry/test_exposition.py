from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from notifier.telemetry.exposition import Bounds, exposed
from notifier.telemetry.metrics import BY_NAME, METRICS, MOST_VALUES, Kind


def read(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_histogram_is_cumulative_and_ends_with_all() -> None:
    metric = BY_NAME["notifier_step_seconds"]
    numbers = [1.0, 2.0, *[0.0] * (len(metric.buckets) - 2), 4.0, 12.5]
    text, content_type = exposed({(metric.name, ("render",)): numbers})
    found = read(text)
    assert found["notifier_step_seconds_bucket", ("0.0005", "render")] == 1
    assert found["notifier_step_seconds_bucket", ("0.001", "render")] == 3
    assert found["notifier_step_seconds_bucket", ("+Inf", "render")] == 7
    assert found["notifier_step_seconds_count", ("render",)] == 7
    assert found["notifier_step_seconds_sum", ("render",)] == 12.5
    assert content_type.startswith("text/plain")


def test_every_metric_of_the_table_can_be_exposed_in_both_formats() -> None:
    figured = {(one.name, tuple("x" for _ in one.labels)): [1.0] * one.values for one in METRICS}
    found = read(exposed(figured)[0])
    for metric in METRICS:
        assert any(name in metric.exposed for name, _ in found), metric.name
        assert metric.kind is Kind.HISTOGRAM or (metric.name, tuple("x" for _ in metric.labels)) in found
    text, content_type = exposed(figured, "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_a_label_with_odd_octets_is_still_one_label() -> None:
    found = read(exposed({("notifier_paused", ("tenant", 'a"b\\c\nd ü')): [1.0]})[0])
    assert found == {("notifier_paused", ("tenant", 'a"b\\c\nd ü')): 1.0}


def test_what_is_too_much_over_all_processes_is_one_series_and_whoever_was_first_stays() -> None:
    bounds = Bounds()
    first = {("notifier_breaker_closed_total", (f"z{number}",)): [1.0] for number in range(MOST_VALUES)}
    assert set(bounds.cut(first)) == set(first)
    more = {("notifier_breaker_closed_total", (f"a{number}",)): [1.0] for number in range(50)}
    cut = bounds.cut(first | more)
    assert set(first) <= set(cut)
    assert cut["notifier_breaker_closed_total", ("other",)] == [50.0]
    assert len(cut) == MOST_VALUES + 1


def test_of_ages_that_are_too_many_the_largest_is_told() -> None:
    ages = {("notifier_oldest_due_age_seconds", (f"queue-{number:03}",)): [float(number)] for number in range(200)}
    assert Bounds().cut(ages)["notifier_oldest_due_age_seconds", ("other",)] == [199.0]
