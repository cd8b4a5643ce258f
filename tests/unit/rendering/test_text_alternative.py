from __future__ import annotations

import sys

import pytest
from driven import quick
from hypothesis import given
from hypothesis import strategies as st

from notifier.rendering.text_alternative import text_alternative
from notifier.rendering.text_width import width

GOLDEN = {
    "a paragraph": ("<p>One\n  two   three</p><p>four</p>", "One two three\n\nfour\n"),
    "a link": ("<p>Read <a href='https://x.example/a'>this</a>.</p>", "Read this [1].\n\n[1] https://x.example/a\n"),
    "two links to one URL": ("<a href='https://x.example'>a</a> <a href='https://x.example'>b</a>", "a [1] b [1]\n\n[1] https://x.example\n"),
    "a link that is its URL": ("<a href='https://x.example/'>https://x.example</a>", "https://x.example\n"),
    "a link that is its URL without the scheme": ("<a href='https://x.example/'>x.example</a>", "x.example\n"),
    "a mail address": ("<a href='mailto:a@x.example?subject=q'>Write</a> to <a href='mailto:a@x.example'>a@x.example</a>", "Write <a@x.example> to a@x.example\n"),
    "a telephone number": ("<a href='tel:+4912'>Call</a>", "Call <+4912>\n"),
    "a place in the page": ("<a href='#top'>up</a><a href='javascript:x()'>run</a><a>none</a>", "uprunnone\n"),
    "buttons side by side": ("<a href='https://a.example'>Buy</a><a href='https://b.example'>Sell</a>", "Buy [1] Sell [2]\n\n[1] https://a.example\n[2] https://b.example\n"),
    "a link around blocks": ("<a href='https://a.example'><h3>Big</h3><p>news</p></a>", "Big\n\nnews [1]\n\n[1] https://a.example\n"),
    "a linked image": ("<a href='https://a.example'><img src='x' alt='Shop'></a>", "Shop [1]\n\n[1] https://a.example\n"),
    "a linked image without a name": ("<a href='https://a.example'><img src='x'></a>", "[1]\n\n[1] https://a.example\n"),
    "a linked ornament": ("<p>a</p><a href='https://a.example'><img src='x' alt=''></a>", "a\n"),
    "a named link without words": ("<a href='https://a.example' aria-label='Our page'></a>", "Our page [1]\n\n[1] https://a.example\n"),
    "images": ("<img alt='Logo'><img alt=''><img><img alt='Name'>", "Logo Name\n"),
    "a tracking pixel": ("a<img width=1 height=1 alt='pixel'>", "a\n"),
    "headings": ("<h1>One</h1><h2>Two</h2><h3>Three</h3>text", "One\n===\n\nTwo\n---\n\nThree\n\ntext\n"),
    "a wide heading": ("<h1>山田</h1>", "山田\n====\n"),
    "a list": ("<p>a</p><ul><li>one<li>two<ul><li>three</ul></ul>b", "a\n\n* one\n* two\n  * three\n\nb\n"),
    "a numbered list": ("<ol start=9><li>one</li><li>two</li><li value=20>three</li></ol>", "9. one\n10. two\n20. three\n"),
    "a list without bullets": ("<ul style='list-style: none'><li>one<li>two</ul>", "one\ntwo\n"),
    "paragraphs in a list": ("<ul><li><p>one</p><p>more</p></li><li><p>two</p></li></ul>", "* one\n\n  more\n\n* two\n"),
    "definitions": ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\n  b\nc\n  d\n"),
    "a quotation": ("x<blockquote><p>one</p><p>two</p></blockquote>y", "x\n\n> one\n>\n> two\n\ny\n"),
    "a quotation in one": ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n\n> > b\n".replace("\n\n", "\n>\n")),
    "preformatted text": ("<pre>\n  a   b\n\n c</pre>", "  a   b\n\n c\n"),
    "line breaks": ("<br>a<br>b<br><br><br><br>c<br>", "a\nb\n\nc\n"),
    "lines kept by style": ("<p style='white-space:pre-line'>a\n b\nc</p>", "a\nb\nc\n"),
    "a rule": ("a<hr>b", "a\n\n" + "-" * 72 + "\n\nb\n"),
    "references": ("&lt;b&gt; &amp; &copy; &#8364; &nbsp;x", "<b> & © € x\n"),
    "a hidden preheader": ("<div style='display:none;max-height:0'>psst</div>a", "a\n"),
    "a clipped preheader": ("<div style='max-height:0px; overflow:hidden'>psst</div>a", "a\n"),
    "a preheader hidden by a style sheet": ("<style>.pre, #x { display: none !important } @media print { p { display: none } }</style><p class='big pre'>psst</p><p>a</p>", "a\n"),
    "the padding of a preheader": ("<div>Hi" + "&nbsp;&zwnj;&#8199;&#847;" * 30 + "</div><p>a</p>", "Hi\n\na\n"),
    "what is hidden": ("<p hidden>x</p><template>y</template><p style='visibility:hidden'>z</p>a", "a\n"),
    "what is no text": ("<head><title>t</title><style>p{}</style></head><script>1</script><svg><text>s</text></svg>a", "a\n"),
    "words for Outlook": ("<!--[if mso]>old<![endif]--><!--[if !mso]><!-->new<!--<![endif]-->", "new\n"),
    "joiners that shape a word": ("<p>می\u200cخواهم 👩\u200d💻</p>", "می\u200cخواهم 👩\u200d💻\n"),
    "a layout": ("<table role=presentation><tr><td><table role=presentation><tr><td>one</td></tr><tr><td>two</td></tr></table></td></tr></table>", "one\n\ntwo\n"),
    "columns of a layout": ("<table><tr><td><p>long " + "word " * 12 + "</p></td><td>b</td></tr></table>", "long " + ("word " * 12).strip() + "\n\nb\n"),
    "a menu": ("<table role=presentation><tr><td>Home</td><td>Shop</td></tr></table>", "Home  Shop\n"),
    "data": ("<table><tr><th>Item</th><th align=right>Price</th></tr><tr><td>Ink</td><td align=right>9.00</td></tr></table>", "Item  Price\n----  -----\nInk    9.00\n"),
    "data with a cell over two columns": ("<table><tr><td>Ink<td>2<td style='text-align: right'>9.00<tr><td colspan=2 align=right>Total<td align=right>18.00</table>", "Ink  2   9.00\n Total  18.00\n"),
    "data in other alphabets": ("<table><tr><td>山田<td>1<tr><td>e\u0301t<td>2<tr><td>abcdef<td>3</table>", "山田    1\ne\u0301t      2\nabcdef  3\n"),
    "data with links": ("<table><tr><th>A<th>B<tr><td><a href='https://a.example'>x</a><td>y</table>", "A      B\n-----  -\nx [1]  y\n\n[1] https://a.example\n"),
    "data that is too wide": ("<table><tr><th>A<th>B<tr><td>" + "word " * 20 + "<td>y</table>", "A" + " " * 70 + "B\n" + "-" * 69 + "  -\n" + " ".join(["word"] * 14) + "  y\n" + " ".join(["word"] * 6) + "\n"),
    "a caption": ("<table><caption>Sizes</caption><tr><td>S<td>36<tr><td>M<td>38</table>", "Sizes\nS  36\nM  38\n"),
    "a paragraph in a table and no cell": ("<table><tr><p>lost</p><td>cell</td></tr></table>", "lost  cell\n"),
    "a block that is in the line": ("<span style='display:block'>a</span><span style='display:block'>b</span>", "a\nb\n"),
    "a word in quotes": ("<q>yes</q> he said", "“yes” he said\n"),
    "nothing": ("<div>&nbsp;</div>", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_a_construct_reads_so(name: str) -> None:
    html, text = GOLDEN[name]
    assert text_alternative(html) == text


def test_lines_end_between_words_and_never_in_a_url() -> None:
    url = "https://x.example/" + "a" * 100
    lines = text_alternative(f"<p>{'word ' * 40}{url} {'word ' * 3}</p>").splitlines()
    assert url in lines
    assert all(width(line) <= 72 for line in lines if line != url)


def test_a_text_without_blanks_ends_its_lines_between_its_signs() -> None:
    lines = text_alternative("<p>" + "山田太郎、" * 30 + "</p>").splitlines()
    assert all(width(line) <= 72 for line in lines)
    assert not any(line.startswith("、") for line in lines)


def test_a_no_break_space_holds_words_together() -> None:
    lines = text_alternative("<p>" + "word " * 13 + "word 10&nbsp;kg</p>").splitlines()
    assert lines[-1] == "10 kg"


def test_a_table_of_one_endless_word_is_read_as_text() -> None:
    text = text_alternative(f"<table><tr><th>A<th>B<tr><td>{'x' * 1_000_000}<td>y</table>")
    assert text.split() == ["A", "B", "x" * 1_000_000, "y"]


@pytest.mark.long
def test_a_depth_of_a_hundred_thousand_is_read() -> None:
    assert text_alternative("<div>" * 100_000 + "x") == "x\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "tag", ["<table><tr><td>x", "<ul><li>x", "<blockquote>x", "<p><table><td>x", "<h1>x", "<b>x</p>", "<dl><dd>x", "<q>x", "<a href=y><button>x"]
)  # fmt: skip
def test_no_element_is_read_by_recursion(tag: str) -> None:
    depth = quick(5_000, 2 * sys.getrecursionlimit())
    assert text_alternative(tag * depth).count("x") >= depth


def calls_of(html: str) -> int:
    """How many functions are called to read it: a measure that no other process changes."""
    called = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        text_alternative(html)
    finally:
        sys.setprofile(None)
    return called


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    ["<table><tr><td>x", "<ul><li>x", "<blockquote>x", "<p><table><td>x", "<h1>x", "<b>x</p>", "<dl><dd>x", "<a href=y><button>x", "<a ", "<!--", "<a x='", "</p>",
     "<tr><td>x", "<style>p{", "{}", "<br>", "&zwnj;", "<td><a href=y>x</a>", "<table><tr><th>x<td>y</table>", "<p hidden>x", "<pre> x", "<img alt=x>"],
)  # fmt: skip
def test_twice_the_input_is_twice_the_work(piece: str) -> None:
    text_alternative(piece)
    size = quick(400, 100)
    assert calls_of(piece * 2 * size) <= 2.2 * calls_of(piece * size) + size / 2


PIECES = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<table>",
        "</table>",
        "<tr>",
        "<td>",
        "<th>",
        "</td>",
        "<ul>",
        "<ol",
        "start=3>",
        "<li>",
        "</li>",
        "</ul>",
        "<a",
        "href=https://x.example>",
        "</a>",
        "<br>",
        "<hr>",
        "<h1>",
        "</h1>",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "</blockquote>",
        "<img\talt=i>",
        "<td\tcolspan=3>",
        "<table\trole=table>",
        "<caption>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "<script>",
        "&nbsp;",
        "&zwnj;",
        "&#0;",
        "&#x110000;",
        "<",
        ">",
        '"',
        "'",
        "=",
        "word",
        "山",
        "́",
        "\x00",
        "\x1e",
        "\x1f",
        "<q>",
        "</q>",
        "<thead>",
        "<dl>",
        "<dd>",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=40).map("".join)))
def test_any_text_is_taken(html: str) -> None:
    text = text_alternative(html)
    assert not text or (text.endswith("\n") and text.strip())
    assert not set(text) & set("\x1c\x1d\x1e\x1f\x00\r")


@given(
    st.lists(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=90), min_size=1, max_size=30)
)
def test_every_word_of_a_paragraph_comes_through(words: list[str]) -> None:
    text = text_alternative("<p>" + " ".join(words) + "</p>")
    assert "".join(text.split()) == "".join("".join(words).split())
