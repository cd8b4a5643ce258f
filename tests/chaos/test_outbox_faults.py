"""The faults that only an outbox survives: the store loses what it had, or the database goes away, in mid-run."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
from real_servers.postgresql import PostgreSQL
from shops import Shop, shop_with
from workers import Plant, wait_until

import notifier
from notifier.errors import MailNotFound, Phase
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime
from notifier.testing import EmbeddedValkey, Script

QUEUES = ("mail", "mail.bulk")


def start_worker(made: Plant) -> None:
    made.start_worker("-Q", ",".join(QUEUES), slots=1)


def launch_worker(made: Plant) -> None:
    made.launch_worker("-Q", ",".join(QUEUES), slots=1)


def pause(why: str) -> None:
    for queue in QUEUES:
        runtime().store.pause(Pause("queue", queue), why)


def resume() -> None:
    for queue in QUEUES:
        runtime().store.resume(Pause("queue", queue))


def ends(opened: Shop) -> dict[str, tuple[str, int]]:
    """What became of each mail, and how often it was handed over."""
    return {mail_id: (row["outcome"] or row["state"], row["hand_overs"]) for mail_id, row in opened.rows().items()}


def lose_all_data(valkey: EmbeddedValkey) -> None:
    """kill -9, and a start without anything, as without persistence."""
    valkey.kill()
    assert valkey._data is not None
    shutil.rmtree(valkey._data)
    valkey.start()


KILLS = (None, "written", "committed", "handed over", "marked")


def test_requests_sweepers_workers_and_the_store_are_killed_and_each_order_has_its_mail(tmp_path: Path) -> None:
    with shop_with(tmp_path, Script().delay(Phase.FINAL_REPLY, 0.1)) as opened:
        made = opened.made
        launch_worker(made)
        for number, kill in enumerate(KILLS * 3):
            if kill is None:
                opened.order(f"{number}")
            else:
                opened.killed("order", kill, number=f"{number}")
            if kill == "committed":
                opened.call("forward")
                opened.killed("sweep", ("taken", "handed over", "marked")[number % 3])
            if kill == "marked":
                wait_until(lambda: made.registered(made.workers[-1]), "the worker is up")
                made.lose(made.workers[-1])
                made.valkey.kill()
                made.valkey.start()
                launch_worker(made)  # it comes up while requests go on
        wait_until(lambda: a_person_decides(opened) and all_is_sent(opened), "all is sent, and the outbox knows")
        orders, arrived = opened.call("rows")["orders"], opened.copies()
        assert (orders, len(opened.rows())) == (12, 12), "three of fifteen were killed before their commit"
        assert arrived.keys() == opened.rows().keys()
        assert all(arrived[mail_id] <= 1 + unknowns(mail_id) for mail_id in arrived)


def a_person_decides(opened: Shop) -> bool:
    """What a worker's kill -9 met twice at the dot, or three times before it, waits for one; True when that is done."""
    for mail_id in opened.rows():
        if state(mail_id) in (MailState.PARKED, MailState.QUARANTINED):
            runtime().store.resolve(mail_id, MailState.WAITING, "once more")
    return True


def all_is_sent(opened: Shop) -> bool:
    opened.sweep()
    rows = opened.rows()
    return {row["state"] for row in rows.values()} == {"settled"} and set(map(state, rows)) == {MailState.SENT}


def state(mail_id: str) -> MailState | None:
    """None while the row waits, and the ledger has no such mail."""
    with suppress(MailNotFound):
        return notifier.status(mail_id).state
    return None


def unknowns(mail_id: str) -> int:
    """Those before a person's decision too, after which the mail's counters begin anew."""
    return sum(step["state"] == MailState.UNKNOWN for step in notifier.status(mail_id).history)


def test_30_a_store_that_is_killed_and_kept_nothing_loses_no_mail(tmp_path: Path) -> None:
    with shop_with(tmp_path) as opened:
        pause("so that they wait")
        start_worker(opened.made)
        usual, once = opened.order("1"), opened.order("2", mail_class="bulk")
        assert ends(opened) == {usual: ("handed_over", 1), once: ("handed_over", 1)}
        lose_all_data(opened.made.valkey)
        opened.settle()
        assert ends(opened) == {usual: ("sent", 2), once: ("held", 1)}, "what may go only once waits for a person"
        assert opened.copies() == {usual: 1}


def test_32_flushall_while_mails_wait_loses_none(tmp_path: Path) -> None:
    with shop_with(tmp_path) as opened:
        pause("so that they wait")
        start_worker(opened.made)
        ids = opened.call("order", number="1", count=30)["ids"]
        once = opened.order("2", mail_class="bulk")
        with redis.Redis.from_url(opened.made.valkey.url) as client:
            client.flushall()
        opened.settle()
        assert ends(opened) == {**dict.fromkeys(ids, ("sent", 2)), once: ("held", 1)}
        assert opened.copies() == dict.fromkeys(ids, 1)
        assert "goes only once" in opened.rows()[once]["why"]


def test_32_a_dead_letter_that_is_wiped_waits_for_a_person_and_is_not_tried_again(tmp_path: Path) -> None:
    with shop_with(tmp_path, Script().refuse(lambda _: True)) as opened:
        start_worker(opened.made)
        mail_id = opened.order("1")
        opened.made.settle([mail_id], "failed")
        opened.sweep()
        with redis.Redis.from_url(opened.made.valkey.url) as client:
            client.flushall()
        opened.settle()
        assert (opened.row()["state"], opened.row()["payload"]) == ("held", True)
        assert "it was a dead letter (failed)" in opened.row()["why"]


@pytest.mark.parametrize("mail_class", ["transactional", "bulk"])
def test_32_flushall_in_mid_run_doubles_nothing_that_the_outbox_knew(tmp_path: Path, mail_class: str) -> None:
    script = Script().delay(Phase.FINAL_REPLY, 0.05)  # so that the run has a middle
    with shop_with(tmp_path, script) as opened:
        start_worker(opened.made)
        ids = opened.call("order", number="1", count=40, mail_class=mail_class)["ids"]
        assert opened.made.server.mailbox.wait_for(15, timeout=60)
        opened.sweep()
        known = {mail_id for mail_id, (outcome, _) in ends(opened).items() if outcome == "sent"}
        with redis.Redis.from_url(opened.made.valkey.url) as client:
            client.flushall()
        opened.settle()
        arrived, ended = opened.copies(), ends(opened)
        assert known, "the outbox has learned of some"
        assert {arrived[mail_id] for mail_id in known} == {1}
        if mail_class == "bulk":
            assert set(arrived.values()) == {1}
            assert {mail_id for mail_id in ids if not arrived[mail_id]} <= {
                mail_id for mail_id, (outcome, _) in ended.items() if outcome == "held"
            }
        else:
            assert {outcome for outcome, _ in ended.values()} == {"sent"}
            assert all(1 <= arrived[mail_id] <= ended[mail_id][1] for mail_id in ids), "no copy that no row counts"


@pytest.mark.parametrize(("mail_class", "ended"), [("transactional", ("sent", 2)), ("bulk", ("held", 1))])
def test_33_of_a_record_deleted_at_its_dot_the_row_decides(
    tmp_path: Path, mail_class: str, ended: tuple[str, int]
) -> None:
    released = threading.Event()
    with shop_with(tmp_path, Script().hold(Phase.FINAL_REPLY, released, times=1)) as opened:
        start_worker(opened.made)
        mail_id = opened.order("1", mail_class=mail_class)
        wait_until(lambda: opened.made.taken(mail_id), "its reply is awaited")
        queue = notifier.status(mail_id).queue
        with redis.Redis.from_url(opened.made.valkey.url) as client:
            client.delete(f"notifier:{{{queue}}}:mail:{mail_id}")
        released.set()
        opened.settle()
        assert ends(opened) == {mail_id: ended}
        assert 1 <= opened.copies()[mail_id] <= ended[1]


def test_36_a_replica_that_lagged_sends_nothing_again_that_the_outbox_has_seen_sent(tmp_path: Path) -> None:
    with shop_with(tmp_path) as opened, EmbeddedValkey() as replica:
        made = opened.made
        pause("so that the replica has them waiting")
        early = {opened.order("1"), opened.order("2", mail_class="bulk")}
        copy_once(made.valkey, replica)
        resume()
        start_worker(made)
        made.settle(list(early), "sent")
        pause("so that these are still on their way")
        late, once = opened.order("3"), opened.order("4", mail_class="bulk")
        opened.sweep()
        wait_until(lambda: pulse(made) > 2, "the worker has seen younger data than the replica has")
        fail_over(made.valkey, replica)
        wait_until(lambda: "the store was restored" in made.logs(), "the worker says so")
        wait_until(lambda: bool(opened.sweep()) and ends(opened)[once] == ("held", 1), "it waits for a person")
        resume()
        opened.settle()
        assert ends(opened) == {**dict.fromkeys(early, ("sent", 1)), late: ("sent", 2), once: ("held", 1)}
        made.settle(list(early), "sent", "cancelled")
        assert opened.copies() == dict.fromkeys((*early, late), 1)


def copy_once(primary: EmbeddedValkey, replica: EmbeddedValkey) -> None:
    """The replica has all that the primary has now, on its disk, and nothing of what comes later."""
    with redis.Redis.from_url(primary.url) as client:
        client.config_set("repl-diskless-sync-delay", 0)  # else it waits five seconds for other replicas
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof("127.0.0.1", primary.port)
        wait_until(lambda: client.info("replication")["master_link_status"] == "up", "it has caught up")
        client.replicaof("NO", "ONE")
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "it is on its disk")


def fail_over(primary: EmbeddedValkey, replica: EmbeddedValkey) -> None:
    """The replica takes the primary's address."""
    primary.kill()
    replica.kill()
    replica.port = primary.port
    replica.start()


def pulse(made: Plant) -> int:
    with redis.Redis.from_url(made.valkey.url) as client:
        return int(client.get("notifier:{epoch}:pulse") or 0)


class Wire:
    """Stands between an application and its database. ``cut(words)``: both ends are closed when the application has said
    them; ``heard`` says whether the database gets to hear them.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut: tuple[bytes, bool] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, words: bytes, *, heard: bool) -> None:
        self._cut = words, heard

    @property
    def was_cut(self) -> bool:
        return self._cut is None

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                application, _ = self._listener.accept()
            except OSError:
                self._listener.close()
                return
            database = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._pass, args=(database, application, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(application, database, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        try:
            while octets := source.recv(65536):
                if asks and self._cut is not None and self._cut[0] in octets:
                    self._end(source, target, octets)
                    return
                target.sendall(octets)
        except OSError:
            pass
        finally:
            # Who reads a socket closes it: with its number given away, a read that is interrupted goes on at another's.
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR if asks else socket.SHUT_RDWR)
            source.close()

    def _end(self, application: socket.socket, database: socket.socket, octets: bytes) -> None:
        assert self._cut is not None
        heard, self._cut = self._cut[1], None
        application.shutdown(socket.SHUT_RDWR)  # it hears no answer
        if heard:
            database.sendall(octets)  # what was said is done before the end is seen


@contextmanager
def shop_behind_a_wire(folder: Path, server: PostgreSQL, name: str) -> Iterator[tuple[Shop, Wire]]:
    server.database(name)
    wire = Wire(server.port)
    with shop_with(folder, database=server.entry(name, wire.port)) as opened:
        start_worker(opened.made)
        try:
            yield opened, wire
        finally:
            wire.close()


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "not heard"])
def test_42_a_commit_whose_reply_is_lost_sends_what_was_committed(
    tmp_path: Path, postgresql: PostgreSQL, heard: bool
) -> None:
    """The application is told of an error either way; the mail goes if, and only if, the order is there."""
    with shop_behind_a_wire(tmp_path, postgresql, f"commit{heard}") as (opened, wire):
        wire.cut(b"COMMIT", heard=heard)
        answer = opened.call("order", number="1")
        assert (answer["error"], wire.was_cut) == ("OperationalError", True)
        opened.settle()
        assert opened.call("rows")["orders"] == int(heard)
        assert ends(opened) == ({answer["ids"][0]: ("sent", 1)} if heard else {})
        assert opened.copies() == (dict.fromkeys(answer["ids"], 1) if heard else {})


@pytest.mark.parametrize("words", [b'INSERT INTO "shop_order"', b'INSERT INTO "notifier_outboxmail"'])
def test_42_a_database_that_goes_away_in_the_transaction_sends_nothing(
    tmp_path: Path, postgresql: PostgreSQL, words: bytes
) -> None:
    with shop_behind_a_wire(tmp_path, postgresql, f"gone{len(words)}") as (opened, wire):
        wire.cut(words, heard=True)
        assert opened.call("order", number="1")["error"] == "OperationalError"
        opened.settle()
        assert (opened.call("rows")["orders"], ends(opened), opened.copies()) == (0, {}, {})
        after = opened.order("2")
        opened.settle()
        assert opened.copies() == {after: 1}


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "not heard"])
def test_42_a_database_that_goes_away_when_the_settlement_is_written_learns_it_later(
    tmp_path: Path, postgresql: PostgreSQL, heard: bool
) -> None:
    with shop_behind_a_wire(tmp_path, postgresql, f"settled{heard}") as (opened, wire):
        mail_id = opened.order("1")
        opened.made.settle([mail_id], "sent")
        opened.call("forward")
        wire.cut(b'"settled_at" = ', heard=heard)
        assert opened.call("sweep")["error"] == "OperationalError"
        opened.settle()
        assert (ends(opened), opened.copies()) == ({mail_id: ("sent", 1)}, {mail_id: 1})
