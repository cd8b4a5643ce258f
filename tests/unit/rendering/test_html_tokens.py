from __future__ import annotations

import pytest

from notifier.rendering.html_tokens import EndTag, StartTag, tokens


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a<b>c</b>", ["a", StartTag("b"), "c", EndTag("b")]),
        ("<A HREF=x class=\"y z\" id='q' x>", [StartTag("a", {"href": "x", "class": "y z", "id": "q", "x": ""})]),
        ("<a href=1 HREF=2>", [StartTag("a", {"href": "1"})]),
        ("<o:p/>", [StartTag("o:p", {}, closed=True)]),
        ("1 < 2 &lt; 3", ["1 ", "<", " 2 < 3"]),
        ("<!-- <b> -->x<!-->y<!--->z", ["x", "y", "z"]),
        ("<!--[if mso]><td>old<![endif]-->x<![if !mso]>y<![endif]>", ["x", "y"]),
        ("<!doctype html><?xml?>x", ["x"]),
        ("<script>a<b</script>c", [StartTag("script"), "a<b", EndTag("script"), "c"]),
        ("<title>a<b>&amp;</title>", [StartTag("title"), "a<b>&", EndTag("title")]),
        ('<a href="?a=1&copy=2&amp;b=3">', [StartTag("a", {"href": "?a=1&copy=2&b=3"})]),
        ("x<a href='never closed>y", ["x"]),
        ("</ a>x</>y", ["x", "y"]),
        ("<![x y<p>z", ["z"]),
        ("<", ["<"]),
    ],
)
def test_markup_is_read_as_a_browser_reads_it(source: str, found: list[object]) -> None:
    assert list(tokens(source)) == found


def test_a_number_of_thousands_of_digits_is_a_sign_that_is_none() -> None:
    assert list(tokens("&#" + "9" * 5000 + ";")) == ["\ufffd"]
