"""Big blobs with their contents sealed: block by block, and read like others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fakeredis
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from read_in_blocks import Read

from notifier.errors import BlobUnavailable
from notifier.model.octets import whole
from notifier.model.secret import Secret
from notifier.store import RedisStore, blob_name
from notifier.store.blobs import InDirectory, InRedis, in_redis, sealed
from notifier.store.sealing import Seal, token_size

OLD, NEW = (Secret(Fernet.generate_key().decode()) for _ in range(2))
DATA = b"the-secret-link " * 40
NAME = blob_name(DATA)
MakeStore = Callable[..., RedisStore]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealed, in_redis):
        monkeypatch.setattr(module, "HELD", 300)
        monkeypatch.setattr(module, "BLOCK", 100)


@pytest.fixture(params=["dir", "redis"])
def make(make_store: MakeStore, tmp_path: Path, request: pytest.FixtureRequest) -> MakeStore:
    blobs = InDirectory(tmp_path) if request.param == "dir" else InRedis()
    return lambda *keys: make_store(encryption_keys=keys, blobs=blobs)


def kept(server: fakeredis.FakeRedis, tmp_path: Path) -> bytes:
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    (found,) = files + [server.get(key) for key in server.scan_iter("*octets:*")]
    return bytes(found)


def damage(server: fakeredis.FakeRedis, tmp_path: Path, octets: bytes) -> None:
    for path in tmp_path.rglob(NAME):
        path.write_bytes(octets)
    for key in server.scan_iter("*octets:*"):
        server.set(key, octets)


@given(st.integers(0, 1000))
def test_a_token_has_the_size_that_is_said_before_it_is_made(size: int) -> None:
    assert len(Seal([NEW]).seal(bytes(size))) == token_size(size)


@pytest.mark.parametrize("size", [0, 299, 300, 301, 400, 401, len(DATA)])
def test_one_of_any_size_lies_sealed_and_comes_back_whole_or_in_pieces(
    make: MakeStore, server: fakeredis.FakeRedis, tmp_path: Path, size: int
) -> None:
    store, data = make(NEW), DATA[:size]
    for given_ in (data, Read(data, 70)):
        name = store.put_blob(given_)
        assert name == blob_name(data)
        assert b"secret" not in kept(server, tmp_path)
        assert store.get_blob(name) == data
        opened = store.open_blob(name)
        assert whole(opened) == whole(opened) == data
        assert len(opened) == size
    assert isinstance(opened, bytes) == (size <= 300)


def test_no_piece_of_one_that_is_opened_is_bigger_than_a_token(make: MakeStore) -> None:
    opened = make(NEW).open_blob(make(NEW).put_blob(DATA))
    assert not isinstance(opened, bytes)
    assert max(map(len, opened)) == 100


def test_keys_are_rotated_and_what_was_put_without_is_read(make: MakeStore) -> None:
    for wrote, reads in (((), (NEW,)), ((OLD,), (NEW, OLD)), ((NEW, OLD), (NEW,))):
        name = make(*wrote).put_blob(DATA)
        assert whole(make(*reads).open_blob(name)) == make(*reads).get_blob(name) == DATA


@pytest.mark.parametrize("keys", [(), (NEW,)])
def test_without_its_key_it_waits_and_says_why(make: MakeStore, keys: tuple[Secret, ...]) -> None:
    name = make(OLD).put_blob(DATA)
    for read in (make(*keys).open_blob, make(*keys).get_blob):
        with pytest.raises(BlobUnavailable, match="NOTIFIER_ENCRYPTION_KEYS"):
            read(name)


@pytest.mark.long
@pytest.mark.parametrize(
    "damaged",
    [
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: lines[:-1],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, Seal([NEW]).seal(b"more") + b"\n"],
        lambda lines: [lines[0], *lines[1:-1], b"plain words, and no token\n"],
        lambda lines: [*lines[:-1], lines[-1][:-9] + b"AAAAAAAA\n"],
        lambda lines: lines[:1],
    ],
    ids=["exchanged", "cut", "twice", "longer", "plain", "forged", "nothing"],
)
def test_tokens_that_are_not_its_own_in_their_order_are_no_blob(
    make: MakeStore, server: fakeredis.FakeRedis, tmp_path: Path, damaged: Callable[[list[bytes]], list[bytes]]
) -> None:
    store = make(NEW)
    opened = store.open_blob(store.put_blob(DATA))
    damage(server, tmp_path, b"".join(damaged(kept(server, tmp_path).splitlines(keepends=True))))
    came: list[bytes] = []
    assert not isinstance(opened, bytes)
    with pytest.raises(BlobUnavailable):
        came.extend(opened)
    assert len(b"".join(came)) < len(DATA)
    with pytest.raises(BlobUnavailable):
        store.open_blob(NAME)


def test_one_that_says_another_size_of_itself_is_held_until_its_digest_is_known(
    make: MakeStore, server: fakeredis.FakeRedis, tmp_path: Path
) -> None:
    store = make(NEW)
    name = store.put_blob(DATA)
    for size in (b"540", b"740"):
        damage(server, tmp_path, kept(server, tmp_path).replace(b" 640\n", b" %b\n" % size))
        assert store.open_blob(name) == DATA
        damage(server, tmp_path, kept(server, tmp_path).replace(b" %b\n" % size, b" 640\n"))


def test_an_attachment_that_looks_as_if_it_were_in_tokens_is_an_attachment(make: MakeStore) -> None:
    looks = b"".join(sealed._Sealed(DATA, Seal([OLD])))
    for keys in ((), (NEW,), (OLD,)):
        store = make(*keys)
        name = store.put_blob(looks)
        assert whole(store.open_blob(name)) == store.get_blob(name) == looks
