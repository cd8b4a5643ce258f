"""Real workers whose children are recycled: what one child has compiled, those that come after it do not compile."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from workers import plant

from notifier import send_email
from notifier.rendering import shipped_templates

pytestmark = pytest.mark.integration
WAVES = 30  # at most
TOLD = "compiling.log"


def told(folder: Path, what: str) -> list[tuple[str, str]]:
    """Each file that was compiled, or template that was rendered, with the process that did it."""
    lines = (line.split() for line in (folder / TOLD).read_text().splitlines())
    return [(name, pid) for one, name, pid in lines if one == what]


def waves(folder: Path, *options: str, slots: int, processes: int) -> None:
    """Mails one after the other, until so many processes have rendered some; a child may have two of them by one bell."""
    templates = folder / "templates"
    shutil.copytree(shipped_templates() / "welcome", templates / "hello")
    with plant(folder, NOTIFIER_TEMPLATES=str(templates)) as made:
        made.environ |= {"PYTHONPATH": str(Path(__file__).parents[1]), "COMPILING": str(folder / TOLD)}
        made.start_worker(*options, slots=slots, app="programs.compiling")
        for number in range(WAVES):
            context = {"name": "Zoë", "action_url": f"https://shop.example/{number}"}
            made.settle([send_email.delay(template="hello", to="zoe@example.com", context=context).id], "sent")
            if number and len({pid for _, pid in told(folder, "rendered")}) >= processes:
                return
        raise AssertionError(f"{WAVES} mails were rendered by fewer processes than {processes}")


def test_children_that_are_recycled_compile_nothing_that_was_compiled_before(tmp_path: Path) -> None:
    waves(tmp_path, "--max-tasks-per-child", "1", slots=1, processes=3)
    compiled = told(tmp_path, "compiled")
    assert {"hello/subject.txt.j2", "hello/text.txt.j2", "hello/html.html.j2"} <= {name for name, _ in compiled}
    assert set(Counter(name for name, _ in compiled).values()) == {1}
    assert len({pid for _, pid in compiled}) == 1


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_worker_of_one_process_compiles_once_as_well(tmp_path: Path, pool: str) -> None:
    waves(tmp_path, "-P", pool, slots=2, processes=1)
    assert set(Counter(name for name, _ in told(tmp_path, "compiled")).values()) == {1}
