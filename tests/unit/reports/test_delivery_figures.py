from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from notifier.reports.delivery_figures import MOST_DAYS, MOST_ROWS, OWN_MESSAGES, figures_of

MONDAY, SUNDAY = date(2026, 11, 23), date(2026, 11, 29)


@dataclass(frozen=True)
class Count:
    day: date
    state: str
    domain: str
    template: str
    count: int


def test_counts_are_added_by_day_template_and_domain() -> None:
    counts = [
        Count(MONDAY, "sent", "example.com", "welcome", 3),
        Count(SUNDAY, "sent", "example.org", "welcome", 2),
        Count(SUNDAY, "failed", "example.org", "", 1),
    ]
    found = figures_of(counts, [Count(MONDAY, "sent", "x", "y", 4)], MONDAY, SUNDAY)
    assert found["sent"] == {"value": 5, "change": 25}
    assert found["failed"] == {"value": 1}
    assert [day["value"] for day in found["days"]] == [3, 0, 0, 0, 0, 0, 2]
    assert found["templates"] == [["welcome", 5, 0, 0], [OWN_MESSAGES, 0, 0, 1]]
    assert found["domains"] == [["example.com", 3, 0, 0], ["example.org", 2, 0, 1]]


def test_only_the_greatest_rows_and_the_newest_days_are_told() -> None:
    counts = [Count(SUNDAY, "sent", f"d{number}.example", "welcome", number) for number in range(1, 100)]
    found = figures_of(counts, [], date(2026, 1, 1), SUNDAY)
    assert len(found["domains"]) == MOST_ROWS
    assert found["domains"][0][0] == "d99.example"
    assert len(found["days"]) == MOST_DAYS
