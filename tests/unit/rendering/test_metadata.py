from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import TemplateError
from notifier.rendering import Renderer, TemplateLibrary, metadata
from notifier.rendering.metadata import MAX_BYTES, Metadata, read_metadata


def read(folder: Path, text: str) -> Metadata:
    file = folder / "meta.json"
    file.write_text(text, encoding="utf-8")
    return read_metadata(file, "note")


def test_a_template_without_meta_json_has_the_defaults(tmp_path: Path) -> None:
    assert read_metadata(tmp_path / "meta.json", "note") == Metadata()


def test_every_key_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        json.dumps(
            {
                "description": "A code.",
                "mail_class": "otp",
                "from": "Shop <codes@shop.example>",
                "reply_to": "help@shop.example",
                "sensitive": ["code"],
                "samples": {"short": {"code": "1"}},
                "schema": "schema.json",
                "untrusted": True,
            }
        ),
    )
    assert (found.description, found.defaults.mail_class, str(found.defaults.sender)) == (
        "A code.",
        "otp",
        "Shop <codes@shop.example>",
    )
    assert [one.addr_spec for one in found.defaults.reply_to] == ["help@shop.example"]
    assert (found.sensitive, found.samples) == (frozenset({"code"}), {"short": {"code": "1"}})
    assert (found.schema, found.untrusted) == ("schema.json", True)


def test_reply_to_may_be_several(tmp_path: Path) -> None:
    assert len(read(tmp_path, '{"reply_to": ["a@x.example", "b@x.example"]}').defaults.reply_to) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "is a JSON object"),
        ("[" * 100_000, "is no JSON"),
        ('{"sensitve": []}', "has the unknown key 'sensitve'; did you mean 'sensitive'"),
        ('{"zzz": 1}', "known: description, mail_class"),
        ('{"description": 1}', "description"),
        ('{"mail_class": null}', "mail_class"),
        ('{"from": "a"}', "has a from that cannot be used"),
        ('{"from": ["a@x.example"]}', "has a from"),
        ('{"reply_to": ["a@x.example", 7]}', "has a reply_to"),
        ('{"sensitive": "code"}', "sensitive"),
        ('{"sensitive": [1]}', "sensitive"),
        ('{"samples": []}', "samples"),
        ('{"samples": {"a": 1}}', "samples"),
        ('{"schema": 1}', "schema"),
        ('{"untrusted": "no"}', "neither true nor false"),
    ],
)
def test_what_is_wrong_is_told_with_template_and_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TemplateError, match=rf"template 'note': meta\.json .*{told}"):
        read(tmp_path, text)


def test_one_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="over 1,048,576 octets"):
        read(tmp_path, '{"description": "' + "x" * MAX_BYTES + '"}')


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_only_a_template_error_comes_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("meta") / "meta.json"
    file.write_bytes(data)
    try:
        came: object = read_metadata(file, "note")
    except TemplateError as error:
        came = str(error)
    assert isinstance(came, Metadata) or "template 'note'" in str(came)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "note"
    folder.mkdir()
    (folder / "subject.txt.j2").write_text("Hi")
    renderer = Renderer(TemplateLibrary([tmp_path]))
    assert renderer.sensitive("note") == frozenset()
    (folder / "meta.json").write_text('{"sensitive": ["code"]}')
    assert renderer.sensitive("note") == {"code"}


HOW_TO = (Path(__file__).parents[3] / "docs" / "how-to" / "templates.md").read_text(encoding="utf-8")


def test_every_key_is_told_in_the_how_to() -> None:
    (table,) = re.findall(r"^## meta\.json$.*?^\| key .*?\n\n", HOW_TO, re.MULTILINE | re.DOTALL)
    told = {key for first in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", first)}
    assert told == set(metadata._READ)


def test_the_how_tos_example_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", HOW_TO, re.DOTALL)
    assert read(tmp_path, example).samples["plain"]["name"] == "Zoë"
