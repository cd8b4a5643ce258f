"""`CompiledTemplates`: what an environment keeps of its templates, and how it finds them."""

from __future__ import annotations

import threading

import pytest
from jinja2 import DictLoader

from notifier.rendering import TemplateLibrary
from notifier.rendering.compiled_templates import CompiledTemplates
from notifier.rendering.environment import make_environment

pytestmark = pytest.mark.unit


def test_the_one_that_was_not_used_for_longest_goes() -> None:
    kept = CompiledTemplates(capacity=2)
    kept["first"], kept["second"] = 1, 2
    assert kept.get("first") == 1
    kept["third"] = 3
    assert list(kept) == ["first", "third"]
    assert kept.get("second", "none") == "none"


def test_one_that_is_put_again_was_used() -> None:
    kept = CompiledTemplates(capacity=2)
    kept["first"], kept["second"] = 1, 2
    kept["first"] = 10
    assert kept.get("first") == 10
    kept["third"] = 3
    assert kept.get("second") is None


def test_to_find_one_no_other_is_looked_at() -> None:
    looked_at = []

    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            looked_at.append(self)
            return str.__eq__(self, str(other))

    kept = CompiledTemplates()
    for number in range(1_000):
        kept[Key(f"page-{number}")] = number
    looked_at.clear()
    assert kept.get(Key("page-999")) == 999
    assert len(looked_at) < 10


def test_an_environment_and_those_that_overlay_it_have_one_each() -> None:
    plain = make_environment(TemplateLibrary()).overlay(loader=DictLoader({"page": "plain"}))
    other = plain.overlay(loader=DictLoader({"page": "other"}))
    assert [environment.get_template("page").render() for environment in (plain, other)] == ["plain", "other"]
    assert [type(environment.cache) for environment in (plain, other)] == [CompiledTemplates] * 2
    assert plain.cache is not other.cache
    assert plain.get_template("page") is plain.get_template("page")


def test_threads_may_put_and_find_at_once() -> None:
    kept, errors = CompiledTemplates(capacity=3), []

    def work(offset: int) -> None:
        try:
            for number in range(20_000):
                key = (number + offset) % 7
                if (found := kept.get(key)) is None:
                    kept[key] = key
                elif found != key:
                    errors.append(f"{key} is {found}")
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(kept) <= 3
