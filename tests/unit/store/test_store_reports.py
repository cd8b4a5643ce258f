from __future__ import annotations

from datetime import date

from report_conformance import ReportConformance, TallyConformance

from notifier.store import RedisStore

DAY = date(2026, 1, 1)


class TestReportsOnAPlayedRedis(ReportConformance):
    pass


class TestTalliesOnAPlayedRedis(TallyConformance):
    def test_a_day_without_mails_has_none(self, store: RedisStore) -> None:
        assert store.tallies.of(["mail"], DAY, DAY) == []

    def test_no_queue_has_none(self, store: RedisStore) -> None:
        assert store.tallies.of([], DAY, DAY) == []
