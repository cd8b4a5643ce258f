from __future__ import annotations

import io
import json
import logging
import os
import socket
from pathlib import Path

import pytest

from notifier.telemetry.json_lines import JsonLines
from notifier.telemetry.sink import unblock

LINES = 10_000


def logging_to(stream: io.TextIOBase) -> logging.Logger:
    logger = logging.getLogger("of this test")
    logger.handlers.clear()
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(stream))
    unblock(logger)
    return logger


def ends(kind: str) -> tuple[int, int]:
    """Where a log is read, and where it is written."""
    if kind == "pipe":
        return os.pipe()
    reading, writing = socket.socketpair()
    return reading.detach(), writing.detach()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_nobody_reads_is_dropped_counted_and_said_when_somebody_reads_again(kind: str) -> None:
    reading, writing = ends(kind)
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        logger = logging_to(stream)
        for number in range(LINES):
            logger.warning("line %d of many, so that it is full", number)
        os.set_blocking(reading, False)
        read = b""
        while piece := reader.read(2**20):
            read += piece
        logger.warning("one more")
        lost = LINES - read.count(b"\n")
        assert lost > 0
        assert (reader.read(2**20) or b"").splitlines()[-2:] == [
            f"{lost} writes to the log were lost: nobody has read it".encode(),
            b"one more",
        ]
        logger.handlers[0].stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_line_is_taken_whole_or_not_at_all_and_the_loss_is_said_in_the_logs_own_format(kind: str) -> None:
    """A traceback is longer than what a pipe takes at once; a reader of JSON lines stumbles over half of one."""
    reading, writing = ends(kind)
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        logger = logging_to(stream)
        logger.handlers[0].setFormatter(JsonLines())
        os.set_blocking(reading, False)
        for number in range(100):
            logger.warning("line %d %s", number, "x" * 30_000)
        read = b""
        while piece := reader.read(2**20):
            read += piece
            logger.warning("another %s", "y" * 30_000)
            if len(read) > 2**22:
                break
        *whole, _ = read.split(b"\n")
        messages = [json.loads(line)["message"] for line in whole]
        assert any(message.endswith("writes to the log were lost: nobody has read it") for message in messages)
        assert {len(message) for message in messages} & {len("line 0 ") + 30_000}
        logger.handlers[0].stream.close()  # type: ignore[attr-defined]


def test_a_child_does_not_end_the_line_that_its_parent_has_begun() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        logger = logging_to(stream)
        logger.warning("p" * 100_000)
        os.set_blocking(reading, False)
        begun = reader.read(2**20)
        if (pid := os.fork()) == 0:
            logger.warning("the child's")
            os._exit(0)
        os.waitpid(pid, 0)
        assert begun.strip(b"p") == b""
        assert reader.read(2**20) == b"the child's\n"
        logger.handlers[0].stream.close()  # type: ignore[attr-defined]


def test_the_flag_is_our_own_and_not_of_everybody_who_has_this_end_of_the_pipe() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as stream:
        logger = logging_to(stream)
        assert os.get_blocking(writing)
        logger.handlers[0].stream.close()  # type: ignore[attr-defined]


def test_files_and_streams_without_a_descriptor_are_left_as_they_are(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        for stream in (file, io.StringIO()):
            logger = logging_to(stream)
            assert logger.handlers[0].stream is stream  # type: ignore[attr-defined]
