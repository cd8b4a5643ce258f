from __future__ import annotations

import subprocess
import sys

import pytest

from notifier.model.nearest import nearest

pytestmark = pytest.mark.unit
KNOWN = ("template", "sender", "tenant")


@pytest.mark.parametrize(("word", "meant"), [("templat", "template"), ("sneder", "sender"), ("x", None), (5, None)])
def test_the_word_that_was_meant_is_found(word: object, meant: str | None) -> None:
    assert nearest(word, KNOWN) == meant


@pytest.mark.long
def test_who_makes_no_mistake_keeps_nothing_in_memory_for_it() -> None:
    code = "import sys; import notifier.rendering, notifier.settings, notifier.tasks.calls; sys.exit('difflib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
