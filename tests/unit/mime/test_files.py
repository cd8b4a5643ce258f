"""Names and types of attached files: section 2.6 of the faults, numbers 91 and 92."""

from __future__ import annotations

import mimetypes

import pytest

from notifier.errors import InvalidAttachment
from notifier.mime import check_content_type, guess_content_type, safe_filename


@pytest.mark.parametrize(
    "name",
    ["a\r\nBcc: x", "a\nb", "a\0.pdf", "../a", "a/b", "a\\b", ".", "..", "", "x" * 500, "ü" * 128, "gpj\u202egnp.exe", "gpj\u061cexe", "a\u2028b", "\ud800", " ", 7],
    ids=repr,
)  # fmt: skip
def test_a_name_that_breaks_a_header_or_misleads_a_person_is_refused(name: object) -> None:
    with pytest.raises(InvalidAttachment):
        safe_filename(name)


@pytest.mark.parametrize(
    "name", ['a";b=".exe', "Rechnung für Zoë.pdf", "発票.pdf", "x" * 255, " a ", "a.tar.gz", "-rf"]
)
def test_quotes_and_every_alphabet_are_names(name: str) -> None:
    assert safe_filename(name) == name


@pytest.mark.parametrize(
    "given",
    [
        "text/html\r\nX: y",
        "text/html\n",
        "multipart/x",
        "multipart/mixed",
        "x",
        "",
        "a/b; c=d",
        "text/",
        "/x",
        "text/\u017fgml",
        "text/\u212a",
        7,
        None,
    ],
    ids=repr,
)
def test_a_content_type_is_one_and_no_multipart(given: object) -> None:
    with pytest.raises(InvalidAttachment):
        check_content_type(given)


def test_a_content_type_is_the_same_in_capitals() -> None:
    assert check_content_type("Application/PDF") == check_content_type("application/pdf") == "application/pdf"


def test_what_is_guessed_is_always_fit_to_be_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in (*mimetypes.types_map, ".eml", ".nothing", ""):
        check_content_type(guess_content_type(f"file{ending}"))
    monkeypatch.setattr(mimetypes, "guess_type", lambda name: ("x-world/x-vrml", None))
    assert guess_content_type("a.vrml") == "application/octet-stream"
