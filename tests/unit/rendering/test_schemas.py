from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import ContextMismatch, TemplateError
from notifier.rendering import Renderer, TemplateLibrary, library


def make(folder: Path, meta: Mapping[str, Any], **files: str) -> Renderer:
    place = folder / "note"
    place.mkdir()
    texts = {"subject.txt.j2": "Hi", "text.txt.j2": "{{ name }}", "meta.json": json.dumps(meta), **files}
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    return Renderer(TemplateLibrary([folder]))


NAMED = {"type": "object", "required": ["name"]}


def test_without_a_schema_every_context_fits(tmp_path: Path) -> None:
    renderer, context = make(tmp_path, {}), {"name": "a", "anything": 1}
    renderer.check_context("note", context)
    assert renderer.render("note", context).text == "a"


def test_a_schema_in_its_place(tmp_path: Path) -> None:
    renderer = make(tmp_path, {"schema": NAMED})
    renderer.check_context("note", {"name": "a"})
    with pytest.raises(ContextMismatch, match=r"template 'note': context\.name is missing"):
        renderer.check_context("note", {})


LINKED = {
    "type": "object",
    "required": ["unsubscribe_url", "name"],
    "properties": {"unsubscribe_url": {"type": "string"}},
}


def supplied() -> Mapping[str, Any]:
    return {"unsubscribe_url": "https://x.example/leave?t=1"}


def test_a_key_that_we_supply_may_be_required(tmp_path: Path) -> None:
    renderer = make(tmp_path, {"schema": LINKED})
    renderer.check_context("note", {"name": "a"}, supplied)
    with pytest.raises(ContextMismatch, match=r"context\.unsubscribe_url is missing"):
        renderer.check_context("note", {"name": "a"})
    with pytest.raises(ContextMismatch, match=r"context\.name is missing"):
        renderer.check_context("note", {}, supplied)


def test_the_callers_own_goes_before_what_we_supply(tmp_path: Path) -> None:
    with pytest.raises(ContextMismatch, match=r"context\.unsubscribe_url is to be of type string"):
        make(tmp_path, {"schema": LINKED}).check_context("note", {"name": "a", "unsubscribe_url": 1}, supplied)


def test_a_schema_need_not_know_what_we_supply(tmp_path: Path) -> None:
    renderer = make(tmp_path, {"schema": {**NAMED, "properties": {"name": {}}, "additionalProperties": False}})
    renderer.check_context("note", {"name": "a"}, supplied)
    with pytest.raises(ContextMismatch, match=r"context\.name is missing"):
        renderer.check_context("note", {}, supplied)


def test_a_schema_in_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    renderer = make(tmp_path, {"schema": "schema.json"}, **{"schema.json": json.dumps(NAMED)})
    with pytest.raises(ContextMismatch, match="name is missing"):
        renderer.check_context("note", {})
    (tmp_path / "note" / "schema.json").write_text("{}")
    os.utime(tmp_path / "note" / "schema.json", ns=(1, 1))
    renderer.check_context("note", {})


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("other.json", "is neither a .json file beside"),
        ("../note/schema.json", "is neither a .json file beside"),
        ("name", "is neither a .json file beside"),
        ("schema.json", "in schema.json is no JSON"),
        ("list.json", "in list.json is no JSON object"),
        ("nowhere.at_all:Name", "nowhere.at_all:Name cannot be imported here: ModuleNotFoundError"),
        ("json:Nothing", "json:Nothing cannot be imported here: AttributeError"),
        ("json:dumps", "json:dumps is neither a dataclass nor a pydantic model"),
    ],
)
def test_a_schema_that_is_none_is_the_templates_error(tmp_path: Path, schema: str, told: str) -> None:
    renderer = make(tmp_path, {"schema": schema}, **{"schema.json": "{", "list.json": "[]"})
    with pytest.raises(TemplateError, match="template 'note': the schema .*" + told):
        renderer.check_context("note", {})


def test_a_link_to_a_file_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text("{}")
    renderer = make(tmp_path, {"schema": "schema.json"})
    (tmp_path / "note" / "schema.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(TemplateError, match="is neither"):
        renderer.check_context("note", {})


MODULE = """
from dataclasses import dataclass
from pydantic import BaseModel

@dataclass
class Note:
    name: str

class Model(BaseModel):
    name: str
"""


@pytest.mark.parametrize("name", ["Note", "Model"])
def test_a_class_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "contexts_of_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    renderer = make(tmp_path, {"schema": f"contexts_of_a_test:{name}"})
    renderer.check_context("note", {"name": "a"})
    with pytest.raises(ContextMismatch, match=r"template 'note': context\.name "):
        renderer.check_context("note", {"name": 1})


def test_without_the_library_a_schema_is_not_left_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(TemplateError, match=r"pip install notifier-worker\[schema\]"):
        make(tmp_path, {"schema": NAMED}).check_context("note", {})


def test_what_ships_works_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"schema": NAMED})
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    monkeypatch.setattr(library, "shipped_templates", lambda: tmp_path)
    renderer = Renderer(TemplateLibrary())
    renderer.check_context("note", {})
    assert renderer.render("note", {"name": "a"}).text == "a"


def test_check_tells_the_sample_that_does_not_fit(tmp_path: Path) -> None:
    renderer = make(tmp_path, {"schema": {"required": ["code"]}, "samples": {"plain": {"name": "a"}}})
    with pytest.raises(TemplateError, match=r"sample 'plain': template 'note': context\.code is missing"):
        renderer.check("note")
