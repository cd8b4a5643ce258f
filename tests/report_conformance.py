"""What every store does about reports and tallies. Fixtures as in `store_conformance`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from store_conformance import GREYLISTED, MakeStore, an_email

from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement, Takeover
from notifier.store.reports import MOST_CRASHES, Taken
from notifier.store.tallies import EPOCH

NAME, PERIOD, HOUR = "weekly-orders", "2026-11-23T07:00:00Z", 3600.0
MOST_FIELDS = 2000  # of a day; `prelude.lua` has the same
LEFT = 0.0  # the lease of a worker that has ended


def opened(store: RedisStore, *periods: str) -> None:
    assert store.reports.open(NAME, store.reports.look(NAME), 1000.0, periods or (PERIOD,), ())


def taken(store: RedisStore, owner: str = "a", lease: float = HOUR) -> Taken:
    found = store.reports.take(NAME, PERIOD, owner, lease)
    assert found is not None
    return found


class ReportConformance:
    def test_nobody_has_looked_at_a_new_report(self, store: RedisStore) -> None:
        assert store.reports.look(NAME).until is None

    def test_of_two_who_look_at_once_one_opens_the_periods(self, store: RedisStore) -> None:
        looked = store.reports.look(NAME)
        assert store.reports.open(NAME, looked, 1000.5, [PERIOD], [])
        assert not store.reports.open(NAME, looked, 1000.5, [PERIOD], [])
        assert store.reports.look(NAME).until == 1000.5
        assert store.reports.due(NAME) == [PERIOD]

    def test_a_missed_period_is_told_and_not_due(self, store: RedisStore) -> None:
        assert store.reports.open(NAME, store.reports.look(NAME), 1000.0, [], [PERIOD])
        assert store.reports.due(NAME) == []
        assert [(one.period, one.state) for one in store.reports.stands(NAME)[1]] == [(PERIOD, "missed")]

    def test_the_schedule_of_the_last_look_is_remembered(self, store: RedisStore) -> None:
        store.reports.open(NAME, store.reports.look(NAME), 1000.0, [], [], schedule="daily")
        store.reports.open(NAME, store.reports.look(NAME), 2000.0, [], [])
        assert store.reports.look(NAME).schedule == "daily"

    def test_a_period_that_a_person_has_sent_is_not_due_again(self, store: RedisStore) -> None:
        store.reports.again(NAME, PERIOD)
        first = taken(store)
        store.reports.reach(first, ["zoe"])
        store.reports.close(first, "sent")
        opened(store)
        assert store.reports.due(NAME) == []

    def test_a_period_that_a_worker_has_for_a_person_is_no_others(self, store: RedisStore) -> None:
        store.reports.again(NAME, PERIOD)
        taken(store)
        opened(store)
        assert store.reports.take(NAME, PERIOD, "b", HOUR) is None

    def test_one_worker_has_a_period(self, store: RedisStore) -> None:
        opened(store)
        assert taken(store).made == ""
        assert store.reports.take(NAME, PERIOD, "b", HOUR) is None
        assert store.reports.due(NAME) == []

    def test_what_a_worker_left_behind_goes_on_with_another(self, store: RedisStore) -> None:
        opened(store)
        first = taken(store, "a", LEFT)
        assert store.reports.keep(first, "blob")
        assert store.reports.reach(first, ["zoe", "ida"])
        second = taken(store, "b")
        assert (second.made, second.reached) == ("blob", {"zoe", "ida"})

    def test_whoever_has_lost_a_period_changes_nothing_of_it(self, store: RedisStore) -> None:
        opened(store)
        first = taken(store, "a", LEFT)
        second = taken(store, "b")
        reports = store.reports
        assert not reports.keep(first, "other")
        assert not reports.reach(first, ["zoe"])
        assert not reports.renew(first, HOUR)
        assert not reports.wait(first, 0.0, "no")
        assert not reports.close(first, "sent")
        assert reports.renew(second, HOUR)

    def test_a_report_that_could_not_be_made_waits(self, store: RedisStore) -> None:
        opened(store)
        assert store.reports.wait(taken(store), HOUR, "shop.NoStock")
        assert store.reports.due(NAME) == []
        (one,), _ = store.reports.stands(NAME)
        assert (one.period, one.why, one.failures) == (PERIOD, "shop.NoStock", 1)

    def test_a_wait_that_is_no_failure_of_its_own_is_not_counted(self, store: RedisStore) -> None:
        opened(store)
        store.reports.wait(taken(store), LEFT, "the broker was away", counted=False)
        assert taken(store).failures == 0

    def test_the_next_run_knows_how_often_it_failed(self, store: RedisStore) -> None:
        opened(store)
        store.reports.wait(taken(store), LEFT, "shop.NoStock")
        assert taken(store).failures == 1

    def test_a_period_that_ends_its_workers_is_failed(self, store: RedisStore) -> None:
        opened(store)
        for number in range(MOST_CRASHES):
            taken(store, f"worker {number}", LEFT)
        assert store.reports.take(NAME, PERIOD, "last", HOUR) is None
        assert store.reports.stands(NAME)[1][0].state == "failed"

    def test_workers_that_get_on_may_end_as_often_as_they_do(self, store: RedisStore) -> None:
        opened(store)
        for number in range(2 * MOST_CRASHES):
            assert store.reports.reach(taken(store, f"worker {number}", LEFT), [f"recipient {number}"])
        assert taken(store)

    def test_workers_that_come_to_the_same_place_again_and_again_do_not_get_on(self, store: RedisStore) -> None:
        opened(store)
        for number in range(MOST_CRASHES + 1):
            store.reports.reach(taken(store, f"worker {number}", LEFT), ["zoe"])
        assert store.reports.take(NAME, PERIOD, "last", HOUR) is None

    def test_a_worker_that_lost_its_period_and_lives_is_no_crash(self, store: RedisStore) -> None:
        """The ledger was away for longer than a lease: nobody has ended."""
        opened(store)
        last = taken(store, "the first", LEFT)
        for number in range(2 * MOST_CRASHES):
            heir = taken(store, f"worker {number}", LEFT)
            assert not store.reports.renew(last, HOUR)
            assert not store.reports.renew(last, HOUR), "twice is once"
            last = heir
        assert taken(store, "the last")

    def test_those_that_do_end_are_counted_beside_it(self, store: RedisStore) -> None:
        opened(store)
        away = taken(store, "away", LEFT)
        taken(store, "worker 0", LEFT)
        store.reports.wait(away, 0.0, "the store was away", counted=False)
        for number in range(1, MOST_CRASHES):
            taken(store, f"worker {number}", LEFT)
        assert store.reports.take(NAME, PERIOD, "last", HOUR) is None

    def test_failures_in_order_are_no_crashes(self, store: RedisStore) -> None:
        opened(store)
        for _ in range(MOST_CRASHES + 1):
            store.reports.wait(taken(store), LEFT, "shop.NoStock")
        assert taken(store).failures == MOST_CRASHES + 1

    def test_a_period_that_is_over_is_taken_by_nobody(self, store: RedisStore) -> None:
        opened(store)
        store.reports.close(taken(store), "sent")
        assert store.reports.take(NAME, PERIOD, "b", HOUR) is None
        assert store.reports.stands(NAME)[0] == []

    def test_a_period_that_a_person_opens_again_remembers_who_has_it(self, store: RedisStore) -> None:
        opened(store)
        first = taken(store)
        store.reports.reach(first, ["zoe"])
        store.reports.close(first, "failed", "no")
        assert store.reports.again(NAME, PERIOD)
        assert taken(store).reached == {"zoe"}

    def test_a_person_gets_a_period_that_waits_and_none_that_a_worker_has(self, store: RedisStore) -> None:
        opened(store)
        first = taken(store)
        assert not store.reports.again(NAME, PERIOD)
        store.reports.wait(first, HOUR, "shop.NoStock")
        assert store.reports.again(NAME, PERIOD)
        assert store.reports.due(NAME) == [PERIOD]

    def test_reports_know_nothing_of_each_other(self, store: RedisStore) -> None:
        opened(store)
        assert store.reports.due("daily-orders") == []


class TallyConformance:
    def counted(self, store: RedisStore) -> dict[tuple[str, str, str], int]:
        today = datetime.now(UTC).date()
        found = store.tallies.of(["mail"], today - timedelta(days=1), today)
        return {(one.state, one.domain, one.template): one.count for one in found}

    def test_each_recipient_is_counted_once_where_he_stands(self, store: RedisStore) -> None:
        store.add([an_email("zoe@example.com", "ida@Example.org", "bo@example.org")])
        (claim,) = store.claim("mail", "w", 1)
        zoe, ida, bo = claim.recipients
        store.begin_dot([claim])
        states = {zoe: RecipientState.ACCEPTED, ida: RecipientState.ACCEPTED, bo: RecipientState.REFUSED}
        done = Settlement(claim, MailState.SENT, recipients=states)
        store.settle([done])
        store.settle([done])
        assert self.counted(store) == {
            ("sent", "example.com", "welcome"): 1,
            ("sent", "example.org", "welcome"): 1,
            ("failed", "example.org", "welcome"): 1,
        }

    def test_a_deferral_is_counted_each_time(self, store: RedisStore) -> None:
        store.add([an_email("zoe@example.com")])
        for _ in range(2):
            (claim,) = store.claim("mail", "w", 1)
            store.settle([Settlement(claim, MailState.WAITING, fault=GREYLISTED)])
        assert self.counted(store) == {("deferred", "example.com", "welcome"): 2}

    def test_a_wait_that_nobody_is_to_blame_for_is_not_counted(self, store: RedisStore) -> None:
        store.add([an_email("zoe@example.com")])
        (claim,) = store.claim("mail", "w", 1)
        store.settle([Settlement(claim, MailState.WAITING)])
        assert self.counted(store) == {}

    def test_domains_beyond_a_bound_are_counted_together(self, store: RedisStore) -> None:
        now = datetime.now(UTC)
        key = store._keys.tally("mail", (now.date() - EPOCH).days)
        many = [part for number in range(MOST_FIELDS) for part in (f"sent d{number}.example welcome", 1)]
        store._connection.ask(("HSET", key, *many))
        store.add([an_email("zoe@new.example", "ida@newer.example", "bo@d7.example")])
        (claim,) = store.claim("mail", "w", 1)
        store.begin_dot([claim])
        accepted = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
        store.settle([Settlement(claim, MailState.SENT, recipients=accepted)])
        counted = self.counted(store)
        assert counted["sent", "*", "welcome"] == 2
        assert counted["sent", "d7.example", "welcome"] == 2
        assert len(counted) == MOST_FIELDS + 1

    def test_a_dead_letter_counts_all_who_had_no_verdict(self, store: RedisStore) -> None:
        store.add([an_email("zoe@example.com", "ida@example.com")])
        (claim,) = store.claim("mail", "w", 1)
        store.settle([Settlement(claim, MailState.FAILED, fault=GREYLISTED)])
        assert self.counted(store) == {("failed", "example.com", "welcome"): 2}

    def test_a_mail_that_ended_its_workers_counts_as_failed(self, make_store: MakeStore) -> None:
        store = make_store(takeover=Takeover(lease=0.0, at_dot=0.0, bell=0.0))
        assert isinstance(store, RedisStore)
        store.add([an_email("zoe@example.com")])
        for _ in range(3):
            assert store.claim("mail", "w", 1)
            store.sweep("mail")
        assert self.counted(store) == {("failed", "example.com", "welcome"): 1}
