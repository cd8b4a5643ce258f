from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidHeader
from notifier.mime import check_headers
from notifier.mime.headers import unstructured
from notifier.mime.list_unsubscribe import MAX_URI, ONE_CLICK, check_list_unsubscribe, one_click

POST = {"List-Unsubscribe-Post": ONE_CLICK}
LONG = "<https://a.example/" + "x" * 781 + ">"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"List-Unsubscribe": "<https://a.example/u?t=1>", **POST},
        {"list-unsubscribe": "<https://a.example/u>", "LIST-UNSUBSCRIBE-POST": ONE_CLICK},
        {"List-Unsubscribe": "<mailto:u@a.example?subject=unsubscribe>, <https://a.example/u>", **POST},
        {"List-Unsubscribe": "<mailto:u@a.example>"},
        {"List-Unsubscribe": LONG, **POST},
        one_click("https://a.example/u?t=1"),
    ],
)
def test_what_receivers_can_use_is_taken(headers: dict[str, str]) -> None:
    check_headers(headers)
    written = [unstructured(name, value).replace("\r\n", "") for name, value in headers.items()]
    assert written == [f"{name}: {value}" for name, value in headers.items()]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"List-Unsubscribe": "<http://a.example/u>", **POST}, "https:// or mailto:"),
        ({"List-Unsubscribe": "<javascript:alert(1)>"}, "https:// or mailto:"),
        ({"List-Unsubscribe": "<https:///u>", **POST}, "https:// or mailto:"),
        ({"List-Unsubscribe": "<https://[a/u>", **POST}, "https:// or mailto:"),
        ({"List-Unsubscribe": "<mailto:nobody>"}, "https:// or mailto:"),
        ({"List-Unsubscribe": f"{LONG[:-1]}xx>", **POST}, f"{MAX_URI} characters"),
        ({"List-Unsubscribe": "https://a.example/u", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/u>evil>", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/ u>", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/ü>", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/?a=?b>", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/u>  <mailto:a@b.example>", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/u>\r\nBcc: x@y.example", **POST}, "control character"),
        ({"List-Unsubscribe": "", **POST}, "<https://…>"),
        ({"List-Unsubscribe": "<https://a.example/u>,<https://a.example/v>", **POST}, "several https"),
        ({"List-Unsubscribe": "<https://a.example/u>"}, "add List-Unsubscribe-Post"),
        ({"List-Unsubscribe": "<mailto:u@a.example>", **POST}, "needs an https"),
        (POST, "needs an https"),
        ({"List-Unsubscribe": "<https://a.example/u>", "List-Unsubscribe-Post": "One-Click"}, "nothing else"),
    ],
)
def test_what_they_cannot_use_is_refused_at_the_call(headers: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidHeader, match=words):
        check_headers(headers)


@given(st.text(st.sampled_from("<>,= ?:/@ahtpsmilo."), max_size=40))
def test_what_is_taken_stands_in_the_header_as_it_is(value: str) -> None:
    headers = {"List-Unsubscribe": value, **(POST if "https:" in value else {})}
    try:
        check_list_unsubscribe(headers)
    except InvalidHeader:
        return
    assert unstructured("List-Unsubscribe", value).replace("\r\n", "") == f"List-Unsubscribe: {value}"
