"""Big blobs in the store: they come and go in pieces, and are there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import fakeredis
import pytest
from read_in_blocks import Read

from notifier.errors import BlobUnavailable, InvalidAttachment, StoreUnavailable
from notifier.model.octets import Source, whole
from notifier.store import RedisStore, blob_name
from notifier.store.blobs import InRedis, in_redis

DATA = bytes(range(256)) * 10
NAME = blob_name(DATA)
KEY = f"notifier:{{blobs}}:octets:{NAME}"
MakeStore = Callable[..., RedisStore]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_redis, "HELD", 500)
    monkeypatch.setattr(in_redis, "BLOCK", 200)


def total(server: fakeredis.FakeRedis) -> int:
    return int(server.get("notifier:{blobs}:total") or 0)


def drafts(server: fakeredis.FakeRedis) -> list[bytes]:
    return list(server.scan_iter("*draft*"))


@pytest.mark.parametrize("size", [499, 500, 501, 600, 601, len(DATA)])
def test_what_is_put_in_pieces_is_the_same_blob(store: RedisStore, server: fakeredis.FakeRedis, size: int) -> None:
    for given in (DATA[:size], Read(DATA[:size], 70)):
        name = store.put_blob(given)
        assert name == blob_name(DATA[:size])
        assert store.get_blob(name) == DATA[:size]
        assert (total(server), drafts(server)) == (size, [])
        assert server.ttl(f"notifier:{{blobs}}:octets:{name}") == -1, "it is for good"


def test_one_that_is_opened_is_read_in_pieces_again_and_again(store: RedisStore) -> None:
    found = store.open_blob(store.put_blob(DATA))
    assert not isinstance(found, bytes)
    assert len(found) == len(DATA)
    assert max(map(len, found)) == 200
    assert whole(found) == whole(found) == DATA
    assert store.open_blob(store.put_blob(b"small")) == b"small"


def test_a_damaged_one_is_found_when_it_is_opened_and_its_last_piece_never_comes(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    found = store.open_blob(store.put_blob(DATA))
    for damaged in (DATA[:-1] + b"?", DATA + b"?", DATA[:-1]):
        server.set(KEY, damaged)
        with pytest.raises(BlobUnavailable, match="damaged"):
            store.open_blob(NAME)
        came: list[bytes] = []
        assert not isinstance(found, bytes)
        with pytest.raises(BlobUnavailable, match="damaged"):
            came.extend(found)
        assert len(b"".join(came)) < len(DATA)


def test_one_that_went_in_the_meantime_is_told(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    found = store.open_blob(store.put_blob(DATA))
    server.delete(KEY)
    with pytest.raises(BlobUnavailable):
        whole(found)
    with pytest.raises(BlobUnavailable, match="not in the store"):
        store.open_blob(NAME)


def test_for_one_over_the_cap_no_piece_is_asked_for(make_store: MakeStore, server: fakeredis.FakeRedis) -> None:
    store = make_store(blobs=InRedis(len(DATA)))
    store.put_blob(DATA)
    store.put_blob(DATA)
    another = Read(b"x" * 600, 70)
    with pytest.raises(StoreUnavailable, match="NOTIFIER_BLOBS"):
        store.put_blob(another)
    assert another.times == 1, "for its digest"
    assert (total(server), drafts(server)) == (len(DATA), [])


class Meanwhile(Read):
    """Something happens when all but its last octets have been given, the second time that it is read."""

    def __init__(self, octets: bytes, happens: Callable[[], object]) -> None:
        super().__init__(octets, 70)
        self._happens = happens

    def __iter__(self) -> Iterator[bytes]:
        *most, last = super().__iter__()
        yield from most
        if self.times == 2:
            self._happens()
        yield last


def test_the_cap_holds_though_others_put_theirs_in_the_meantime(
    make_store: MakeStore, server: fakeredis.FakeRedis
) -> None:
    store = make_store(blobs=InRedis(len(DATA) + 100))
    slow: Source = Meanwhile(DATA, lambda: store.put_blob(b"x" * 101))
    with pytest.raises(StoreUnavailable, match="NOTIFIER_BLOBS"):
        store.put_blob(slow)
    assert (total(server), drafts(server), server.exists(KEY)) == (101, [], 0)


def test_a_draft_that_the_store_has_lost_is_no_blob(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    def lose() -> None:
        server.delete(*drafts(server))

    with pytest.raises(StoreUnavailable, match="lost on their way"):
        store.put_blob(Meanwhile(DATA, lose))
    assert (total(server), drafts(server), server.exists(KEY)) == (0, [], 0)


def test_a_draft_goes_by_itself_when_its_writer_is_killed(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    seen: list[int] = []
    store.put_blob(Meanwhile(DATA, lambda: seen.extend(server.pttl(key) for key in drafts(server))))
    (left,) = seen
    assert 0 < left <= 60_000


def test_of_a_file_that_has_changed_nothing_stays(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    def change() -> None:
        raise InvalidAttachment("changed")

    with pytest.raises(InvalidAttachment, match="changed"):
        store.put_blob(Meanwhile(DATA, change))
    assert (total(server), drafts(server), server.exists(KEY)) == (0, [], 0)
