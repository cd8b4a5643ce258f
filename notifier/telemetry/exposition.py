"""Figures in Prometheus' text format. The only file that knows ``prometheus_client``, the extra ``metrics``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from operator import add

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from notifier.telemetry.figures import Series
from notifier.telemetry.metrics import BY_NAME, METRICS, MOST_VALUES, OTHER, Kind, Metric

Figured = Mapping[Series, list[float]]


class Bounds:
    """What keeps labels bounded over all processes, and over the time: whoever was there first stays."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[str]] = {}

    def cut(self, figured: Figured) -> dict[Series, list[float]]:
        """The same sums, with what is too much in one as `OTHER`."""
        sums: dict[Series, list[float]] = {}
        for (name, labels), numbers in sorted(figured.items()):
            metric = BY_NAME[name]
            cut = tuple(self._value(metric, *pair) for pair in zip(metric.labels, labels, strict=True))
            before = sums.setdefault((name, cut), [0.0] * len(numbers))
            join = max if metric.largest else add
            before[:] = [join(one, other) for one, other in zip(before, numbers, strict=True)]
        return sums

    def _value(self, metric: Metric, label: str, value: str) -> str:
        if label not in metric.bounded or value == OTHER:
            return value
        known = self._known.setdefault((metric.name, label), set())
        if value not in known and len(known) >= MOST_VALUES:
            return OTHER
        known.add(value)
        return value


class _Figures(Collector):
    def __init__(self, figured: Figured) -> None:
        self._figured = figured

    def collect(self) -> Iterable[Family]:
        return families(self._figured)


def exposed(figured: Figured, accept: str = "") -> tuple[bytes, str]:
    """The text, and its content type: what the ``Accept`` header asks for."""
    registry = CollectorRegistry()
    registry.register(_Figures(figured))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def families(figured: Figured) -> Iterator[Family]:
    """One for each metric that has a series, in the table's order."""
    by_name: dict[str, list[tuple[tuple[str, ...], list[float]]]] = {}
    for (name, labels), numbers in figured.items():
        by_name.setdefault(name, []).append((labels, numbers))
    for metric in METRICS:
        if metric.name in by_name:
            yield _family(metric, sorted(by_name[metric.name]))


def _family(metric: Metric, series: list[tuple[tuple[str, ...], list[float]]]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels)
        bounds = [*(f"{bound:g}" for bound in metric.buckets), "+Inf"]
        for labels, numbers in series:
            counts = list(accumulate(numbers[:-1]))
            histogram.add_metric(labels, list(zip(bounds, counts, strict=True)), numbers[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(metric.name, metric.doc, labels=metric.labels)
    for labels, (number,) in series:
        family.add_metric(labels, number)
    return family
