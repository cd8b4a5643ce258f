"""`notifier alive` and `notifier ready` without a worker."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from notifier.cli.probing import Unwell, alive
from notifier.cli.ready import command
from notifier.model.health import Health


def written(folder: Path, until: float) -> Path:
    file = folder / "health"
    file.write_text(Health(7, until).to_text(), encoding="utf-8")
    return file


def test_a_word_that_is_still_good_is_life(tmp_path: Path) -> None:
    assert alive(written(tmp_path, time.time() + 3600)).pid == 7


def test_a_word_that_is_over_is_none(tmp_path: Path) -> None:
    with pytest.raises(Unwell, match=r"process 7.* is stuck or was killed"):
        alive(written(tmp_path, time.time() - 1))


def test_a_worker_that_is_held_up_is_not_ready_long_before_it_is_dead(tmp_path: Path) -> None:
    now = time.time()
    (tmp_path / "health").write_text(Health(7, now + 40, told_at=now - 20).to_text(), encoding="utf-8")
    assert alive(tmp_path / "health").pid == 7
    asked = [str(tmp_path / "health")]
    with pytest.raises(Unwell, match="it has said nothing for 20 s"):
        command.main(asked, standalone_mode=False)
    command.main([*asked, "--within", "3600"], standalone_mode=False)


def test_the_word_of_an_older_worker_does_not_say_when_it_was_told(tmp_path: Path) -> None:
    (tmp_path / "health").write_text(f'{{"pid": 7, "until": {time.time() + 3600}, "hindrance": ""}}', encoding="utf-8")
    command.main([str(tmp_path / "health")], standalone_mode=False)


def test_where_no_worker_has_written_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unwell, match="no worker has written"):
        alive(tmp_path / "health")


@pytest.mark.parametrize("octets", [b"", b"\xff\xfe", b"hello"])
def test_another_file_is_said_to_be_none(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "health").write_bytes(octets)
    with pytest.raises(Unwell, match="cannot be read"):
        alive(tmp_path / "health")


def test_a_probe_imports_nothing_of_the_application(tmp_path: Path) -> None:
    code = (
        "import sys; from notifier.cli.main import group\n"
        "group(['ready'], standalone_mode=False)\n"
        "print([name for name in ('celery', 'redis', 'jinja2', 'rich') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"NOTIFIER_HEALTH": str(written(tmp_path, time.time() + 3600)), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == ["ready (process 7)", "[]"]
