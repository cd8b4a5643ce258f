"""The outbox of a Django project, on SQLite and on PostgreSQL, with a real worker, a real store and a catching server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_servers.postgresql import PostgreSQL
from shops import Database, Shop, shop, sqlite
from workers import plant, wait_until

import notifier

numbers = iter(range(1000))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return sqlite(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database(f"shop{next(numbers)}")


@pytest.fixture
def open_shop(database: Database, tmp_path: Path) -> Iterator[Shop]:
    with plant(tmp_path, journal=tmp_path / "accepted.jsonl") as made, shop(made, database) as opened:
        yield opened


def copies(opened: Shop) -> Counter[str]:
    journal = opened.made.folder / "accepted.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)


def settle(opened: Shop) -> None:
    """Sweep until nothing is under way."""
    wait_until(
        lambda: bool(opened.sweep()) and {row["state"] for row in opened.rows().values()} <= {"settled", "held"},
        "the rows are settled",
        look_every=0.2,
    )


def test_what_is_committed_is_sent_once_and_what_is_rolled_back_never_was(open_shop: Shop) -> None:
    open_shop.made.start_worker(slots=1)
    open_shop.call("order", number="1", rolls_back=True)
    mail_id = open_shop.order("2")
    open_shop.made.settle([mail_id], "sent")  # handed over by the request: nobody has swept
    settle(open_shop)
    row = open_shop.row()
    assert (row["state"], row["outcome"], row["payload"], row["hand_overs"]) == ("settled", "sent", False, 1)
    assert copies(open_shop) == {mail_id: 1}
    assert notifier.status(mail_id).attempt == 1
