"""Attachments by URL: section 2.6 of the faults, number 90. fsspec's own memory plays the object store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.store.fetching import BLOCK, Fetcher, checked_prefix

LIMIT = 1000


@pytest.fixture(autouse=True)
def objects() -> Iterator[MemoryFileSystem]:
    files = fsspec.filesystem("memory")
    files.pipe_file("/reports/2026/a b.pdf", b"spaced")
    files.pipe_file("/reports/2026/may.pdf", b"%PDF")
    files.pipe_file("/private/salaries.pdf", b"not to be attached")
    yield files
    files.rm("/", recursive=True)


REPORTS = Fetcher(["s3://unused/", "memory://reports/"])


def fetched(url: str, limit: int) -> bytes:
    return b"".join(REPORTS.fetch(url, limit))


def test_an_object_below_a_prefix_is_read() -> None:
    assert fetched("memory://reports/2026/may.pdf", LIMIT) == b"%PDF"
    assert fetched("memory://reports/2026/a b.pdf", LIMIT) == b"spaced"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/", "http://[::1]/x", "http://2130706433/", "gopher://h/x",
        "file:///etc/passwd", "/etc/passwd", "local:///etc/passwd", "data:,x", "memory://private/salaries.pdf", "memory://reports",
        "memory://reports/", "memory://reports-private/x", "MEMORY://reports/2026/may.pdf", "memory:/reports/2026/may.pdf", "", "s3://",
        "simplecache::memory://reports/2026/may.pdf", " memory://reports/2026/may.pdf", "memory:///reports/2026/may.pdf",
    ],
)  # fmt: skip
def test_what_begins_with_no_prefix_is_not_fetched(url: str) -> None:
    with pytest.raises(InvalidAttachment, match="NOTIFIER_ATTACHMENT_URLS"):
        fetched(url, LIMIT)
    with pytest.raises(InvalidAttachment, match="none"):
        list(Fetcher([]).fetch(url, LIMIT))


@pytest.mark.parametrize(
    "rest",
    [
        "../private/salaries.pdf", "2026/../../private/salaries.pdf", "%2e%2e/private/salaries.pdf", "2026/%2E./x", "./may.pdf",
        "..\\private\\salaries.pdf", "a::memory://private/salaries.pdf", "a?x=y", "a#b", "a\nb", "a\0b", "a%00b/..",
        "http://127.0.0.1/", "x" * 3000, "a%3A//b",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_not_fetched(rest: str) -> None:
    with pytest.raises(InvalidAttachment):
        fetched(f"memory://reports/{rest}", LIMIT)


@given(st.text(max_size=40))
def test_whatever_follows_a_prefix_leads_to_nothing_beside_it(rest: str) -> None:
    try:
        data = fetched(f"memory://reports/{rest}", LIMIT)
    except InvalidAttachment:
        return
    assert data != b"not to be attached"


def test_what_is_not_there_or_is_a_folder_is_told() -> None:
    with pytest.raises(InvalidAttachment, match="not there"):
        fetched("memory://reports/2026/june.pdf", LIMIT)
    with pytest.raises(InvalidAttachment, match="no object"):
        fetched("memory://reports/2026", LIMIT)


def test_its_size_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(MemoryFileSystem, "_open")
    with pytest.raises(MailTooLarge, match="limit of 3 octets"):
        fetched("memory://reports/2026/may.pdf", 3)


@pytest.mark.parametrize("said", [None, 0, 1])
def test_an_object_that_has_more_than_it_said_is_over_the_limit_all_the_same(
    monkeypatch: pytest.MonkeyPatch, said: int | None
) -> None:
    info = MemoryFileSystem.info

    def less(self: MemoryFileSystem, path: str, **more: Any) -> dict[str, Any]:
        return {**info(self, path, **more), "size": said}

    monkeypatch.setattr(MemoryFileSystem, "info", less)
    with pytest.raises(MailTooLarge):
        fetched("memory://reports/2026/may.pdf", 3)


def test_a_big_object_comes_in_blocks(objects: MemoryFileSystem) -> None:
    data = bytes(range(256)) * 10_000
    objects.pipe_file("/reports/big", data)
    blocks = list(REPORTS.fetch("memory://reports/big", len(data)))
    assert b"".join(blocks) == data
    assert max(map(len, blocks)) <= BLOCK


def test_an_error_of_the_object_store_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: MemoryFileSystem, path: str, **more: Any) -> dict[str, Any]:
        raise PermissionError("with hunter2")

    monkeypatch.setattr(MemoryFileSystem, "info", fail)
    with pytest.raises(InvalidAttachment, match="cannot be read: PermissionError") as caught:
        fetched("memory://reports/2026/may.pdf", LIMIT)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidAttachment) as caught:
        fetched("s3://key:hunter2@bucket/x", LIMIT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["s3://reports/", "gs://bucket/a/b/", "memory://reports/", "abfs://container/x/"])
def test_a_prefix_names_a_bucket_or_a_folder_in_it(prefix: str) -> None:
    assert checked_prefix(prefix) == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "s3", "s3://", "s3://reports", "s3:///", "s3://reports/x", "s3://key:secret@reports/", "S3://reports/", "s3://a/../b/", "s3://a?/",
        "simplecache::s3://reports/", "file:///srv/", "file://localhost/", "local://x/", "http://cdn.example/", "https://cdn.example/",
        "ftp://h/", "sftp://h/", "github://x/", "zip://x/", "/srv/", "*",
    ],
)  # fmt: skip
def test_a_prefix_is_neither_the_web_nor_this_host_nor_half_of_a_name(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"holds URLs|nothing is attached") as caught:
        checked_prefix(prefix)
    assert "secret" not in str(caught.value)
