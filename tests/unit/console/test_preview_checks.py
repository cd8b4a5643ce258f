"""What the preview says of a mail: every fault is found, and what is right is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.cli.catalogue import Catalogue
from notifier.console.preview_page.checks import Finding, Severity, check_mail
from notifier.console.preview_page.checks.client_support import APPLE, GMAIL, OUTLOOK
from notifier.console.preview_page.checks.colour import contrast, read_colour
from notifier.console.preview_page.checks.document import MAX_CHARACTERS, read_document
from notifier.console.preview_page.checks.style import Rule, declarations, read_stylesheet
from notifier.model.content import Content, InlineImage
from notifier.rendering import Renderer, TemplateLibrary

TEXT = "Everything that the html says is said here too, in as many words as it takes to say it."
LIBRARY = TemplateLibrary()
LOGO = InlineImage("logo@notifier", "logo.png", "image/png", b"")
HEAD = '<!doctype html><html lang="en"><head><title>Hello</title>{style}</head><body>'
PREHEADER = '<div style="display:none">What it is about</div>'


def findings(
    body: str, *, style: str = "", subject: str = "Hello", text: str = TEXT, octets: int = 5000
) -> list[Finding]:
    html = HEAD.format(style=style) + PREHEADER + body
    return check_mail(Content(subject, text, html, (LOGO,)), octets)


def told(body: str, **more: str) -> str:
    return "\n".join(finding.words for finding in findings(body, **more))  # type: ignore[arg-type]


def test_a_good_mail_is_left_alone() -> None:
    body = (
        '<table role="presentation"><tr><td style="background:#ffffff;color:#333333">'
        '<h1>Hello</h1><h2>More</h2><p id="top">Words</p><a href="#top">Up</a>'
        '<a href="https://example.com/"><img src="cid:logo@notifier" alt="Shop" width="48"></a>'
        '<img src="cid:logo%40notifier" alt="" width="1"> <a href="mailto:a@example.com">Write</a></td></tr></table>'
        "<table><tr><th>Item</th></tr><tr><td>Ink</td></tr></table>"
    )
    assert findings(body) == []


@pytest.mark.long
@pytest.mark.parametrize("name", LIBRARY.names())
def test_the_shipped_mails_are_clean(name: str) -> None:
    catalogue = Catalogue(LIBRARY, Renderer(LIBRARY))
    about = catalogue.about(name)
    for context in about.samples.values():
        for locale in (None, *about.locales):
            found = check_mail(catalogue.render(name, context, locale), 5000)
            assert [one for one in found if one.severity > Severity.NOTE] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<img src="cid:logo@notifier" width="1">', "an image without alt"),
        ('<img src="cid:logo@notifier" alt="">', "without the attribute width"),
        ('<img src="cid:other@notifier" alt="" width="1">', "no attached image has the Content-ID 'other@notifier'"),
        ('<img alt="" width="1">', "an image without src"),
        ('<img src="logo.png" alt="" width="1">', "an image without https://"),
        ('<img src="http://example.com/a.png" alt="" width="1">', "an image by http:"),
        ('<img src="https://example.com/a.png" alt="" width="1">', "an image from the web"),
        ('<img src="data:image/png;base64,AAAA" alt="" width="1">', "an image in a data: URL"),
        ('<a href="#below">Go</a>', "nothing in the mail has the id 'below'"),
        ('<a href="">Go</a>', "an empty link"),
        ('<a href="#">Go</a>', "an empty link"),
        ("<a>Go</a>", "a link without href"),
        ('<a href="java\nscript:alert(1)">Go</a>', "javascript: links"),
        ('<a href="http://example.com">Go</a>', "a link by http:"),
        ('<a href="example.com/x">Go</a>', "a link without https://"),
        ('<a href="https://example.com"><img src="cid:logo@notifier" alt="" width="1"></a>', "without words or an image's alt"),
        ("<h1>One</h1><h3>Three</h3>", "<h3> comes after <h1>"),
        ("<h2>Two</h2>", "<h2> is the first heading"),
        ("<table><tr><td>x</td></tr></table>", "a table without headings"),
        ('<p id="a">x</p><p id="a">y</p>', "the id 'a' is given twice"),
        ('<p style="font-size:11px">x</p>', "letters of 11px"),
        ('<div style="font-size:14px"><p style="font-size:0.8em">x</p></div>', "letters of 11.2px"),
        ('<p style="font-size:8pt">x</p>', "letters of 10.7px"),
        ('<p style="color:#999;background:#fff">x</p>', "contrast is 2.8 : 1 for #999 on #fff in light mode"),
        ('<td bgcolor="#ffffff"><font color="#eeeeee">x</font></td>', "contrast is"),
    ],
)  # fmt: skip
def test_a_fault_is_told(body: str, words: str) -> None:
    assert words in told(body)


@pytest.mark.parametrize(
    ("body", "clients"),
    [
        ("<script>x</script>", f"{GMAIL}, {OUTLOOK} and {APPLE}"),
        ("<form></form>", OUTLOOK),
        ("<video></video>", f"{GMAIL} and {OUTLOOK}"),
        ("<iframe></iframe>", f"{GMAIL} and {OUTLOOK}"),
        ("<svg></svg>", f"{GMAIL} and {OUTLOOK}"),
        ("<object></object>", f"{GMAIL} and {OUTLOOK}"),
        ('<link rel="stylesheet" href="a.css">', GMAIL),
        ('<p style="position:absolute">x', f"{GMAIL} and {OUTLOOK}"),
        ('<p style="position:fixed">x', f"{GMAIL}, {OUTLOOK} and {APPLE}"),
        ('<p style="display: FLEX">x', OUTLOOK),
        ('<p style="display:inline-grid">x', f"{GMAIL} and {OUTLOOK}"),
        ('<p style="float:left">x', OUTLOOK),
        ("<p style=\"background:url('a;b.png') no-repeat\">x", OUTLOOK),
        ('<p style="width:calc(100% - 2px)">x', OUTLOOK),
        ('<p style="width:50vw">x', OUTLOOK),
        ('<p style="color:var(--ink)">x', f"{GMAIL} and {OUTLOOK}"),
        ("<style>@import url(a.css);</style>", GMAIL),
        ("<style>@font-face { font-family: X }</style>", f"{GMAIL} and {OUTLOOK}"),
        ("<style>:root { --ink: #000 }</style>", f"{GMAIL} and {OUTLOOK}"),
        ("<style>@media (max-width: 9px) { p { position: relative } }</style>", f"{GMAIL} and {OUTLOOK}"),
    ],
)
def test_what_clients_do_not_support_is_told_with_their_names(body: str, clients: str) -> None:
    assert f"is not supported by {clients}, which" in told(body)


@pytest.mark.parametrize(
    "body",
    [
        '<p style="position:static;float:none;display:block">x</p>',
        '<div style="display:none;font-size:1px;color:#fff;background:#fff">x</div>',
        '<p style="font-size:0">&nbsp;</p>',
        '<img src="cid:logo@notifier" alt="" width="1" style="display:block">',
        "<!-- <script></script> --><!--[if mso]><form></form><![endif]-->",
        "<p>&lt;script&gt;</p>",
        '<a name="top"></a><a href="#top">Up</a>',
        '<a id="top">Up</a><a href="#top">Up</a>',
        '<table role="presentation"><tr><td><table role="none"><tr><td>x</td></tr></table></td></tr></table>',
        '<p style="color:#777777;background:#ffffff;font-size:24px">Large letters</p>',
        '<div style="color:#fff;background:#fff"><p style="color:#000">x</p></div>',
        '<td style="color:#fff;background:#000">a<td style="color:#000">b',
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(body: str) -> None:
    assert [one for one in findings(body) if one.severity > Severity.NOTE] == []


def test_contrast_is_looked_at_in_dark_mode_too() -> None:
    style = "<style>@media (prefers-color-scheme: dark) { .t { color: #333333 !important } }</style>"
    words = told('<p class="t" style="color:#111111;background:#cccccc">x</p>', style=style)
    assert words == ""
    style = "<style>@media (prefers-color-scheme: dark) { .g { background: #222222 !important } }</style>"
    words = told('<p class="g" style="color:#111111;background:#cccccc">x</p>', style=style)
    assert "for #111111 on #222222 in dark mode" in words


def test_a_rule_of_a_class_counts_less_than_the_inline_style_and_more_than_that_of_an_element() -> None:
    style = "<style>.t { color: #000000; background: #ffffff } p { color: #eeeeee }</style>"
    assert told('<p class="t">x</p>', style=style) == ""
    assert "for #dddddd on #ffffff" in told('<p class="t" style="color:#dddddd">x</p>', style=style)


def test_the_rules_for_the_dark_mode_of_outlook_hide_no_fault() -> None:
    style = "<style>[data-ogsc] .t { color: #000000 !important }</style>"
    assert "contrast" in told('<p class="t" style="color:#eeeeee;background:#ffffff">x</p>', style=style)


def test_a_selector_that_is_not_understood_makes_nothing_known() -> None:
    style = "<style>td .t { color: #000000 }</style>"
    assert told('<div style="color:#eeeeee;background:#ffffff"><p class="t">x</p></div>', style=style) == ""
    assert "contrast" in told('<div style="color:#eeeeee;background:#ffffff"><p class="u">x</p></div>', style=style)


@pytest.mark.parametrize(
    ("size", "severity"), [(91, None), (92, Severity.WARNING), (101, Severity.WARNING), (103, Severity.ERROR)]
)
def test_gmail_clips_at_102_kb(size: int, severity: Severity | None) -> None:
    found = [one for one in findings("<!--" + "x" * (size * 1024 - 200) + "-->") if "KB" in one.words]
    assert [one.severity for one in found] == ([] if severity is None else [severity])


def test_the_octets_of_the_html_are_counted_and_not_its_characters() -> None:
    assert "the html has 1" in told("<!--" + "é" * 60_000 + "-->")


def test_a_big_message_is_told() -> None:
    assert "10.5 MB" in "".join(one.words for one in findings("<p>x", octets=10_500_000))


def test_subject_preheader_and_text_are_looked_at() -> None:
    assert "61 columns" in told("<p>x", subject="s" * 61)
    assert "62 columns" in told("<p>x", subject="字" * 31)
    assert told("<p>x", subject="s" * 60) == ""
    assert "the text part is empty" in told("<p>x", text=" \n")
    assert "the text part has 4 letters" in told("<p>" + "many words " * 20, text="Look")
    assert check_mail(Content("Hello", "Only text"), 500) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<div style="display:none"> </div><p>x', "the preheader is empty"),
        ("<p>x", "no preheader"),
        ('<p>x</p><div style="display:none">hidden</div>', "no preheader"),
    ],
)
def test_a_preheader_is_asked_for(body: str, words: str) -> None:
    found = check_mail(Content("Hello", TEXT, HEAD.format(style="") + body), 500)
    assert [words in one.words for one in found] == [True]


@pytest.mark.parametrize("html", ["<p>x", "<html lang=''><title> </title>", "<svg><title>x</title></svg>"])
def test_language_and_title_are_asked_for(html: str) -> None:
    words = "".join(one.words for one in check_mail(Content("Hello", TEXT, html), 500))
    assert "no language is told" in words
    assert "no <title>" in words


def test_a_finding_has_the_first_line_and_counts_its_places() -> None:
    (found,) = findings('\n\n<img src="cid:logo@notifier" width="1">\n<img src="cid:logo@notifier" width="1">')
    assert (found.line, found.times) == (3, 2)


def test_a_line_in_a_style_element_is_one_of_the_html() -> None:
    (found,) = findings("\n<style>\n/* a\ncomment */ p {\n  color: red;\n  position: absolute }</style>")
    assert found.line == 6


def test_the_worst_comes_first() -> None:
    found = findings('<img src="cid:logo@notifier"><p style="box-shadow:0 1px">x', subject="s" * 99)
    assert [one.severity for one in found] == sorted((one.severity for one in found), reverse=True)


SOUP = st.lists(
    st.sampled_from(
        ["<", ">", "</", "/>", "<!--", "-->", "<![", "<![CDATA[", "]]>", "<?", "<!", "&", "&#", "&#x110000;", '"', "'", "=", "{", "}",
         ";", ":", "(", ")", "@media", "@", "/*", "*/", "<style>", "</style>", "<script>", "</script>", "<title>", "<svg>", "<math>",
         "<table>", "<td ", "<a ", "href=", "javascript:", "style=", "font-size:", "1e999px", "color:", "#fff", "url(", "rgb(9999,0,0)",
         "<textarea>", "<plaintext>", "!important", ".", "#", ">", "+", "\x00", "\ud800", "٣", "²", "\n"]
    )
    | st.text(max_size=3),
    max_size=60,
).map("".join)  # fmt: skip


@pytest.mark.long
@given(SOUP, st.text(max_size=20), SOUP)
def test_tag_soup_is_no_error(subject: str, text: str, html: str) -> None:
    for body in (html, f"<p style='{html}'>x", f"<style>{html}</style><p class=x>x", f"<a {html}>x"):
        for finding in check_mail(Content(subject, text, body), 10):
            assert finding.words
            assert finding.line <= body.count("\n") + 1


@given(SOUP)
def test_a_style_that_is_soup_is_no_error(text: str) -> None:
    assert all(isinstance(value, str) for value in declarations(text).values())
    assert all(rule.line >= 1 for rule in read_stylesheet(text, 1))


def test_a_mail_without_end_is_cut_off() -> None:
    assert [one.name for one in read_document("<p>" + "x" * MAX_CHARACTERS + "<b>").elements] == ["p"]


@pytest.mark.parametrize("end", ["<!-- <b>", '<b title="', "<b", "<"])
def test_what_never_ends_is_not_seen(end: str) -> None:
    document = read_document("<p>x" + end)
    assert ([one.name for one in document.elements], document.visible_text) == (["p"], "x")


def test_rules_keep_their_media() -> None:
    rules = read_stylesheet("p,b{color:red}@media print{@media (x){i{top:0}}}u{left:0", 1)
    assert [(rule.selector, rule.media) for rule in rules if isinstance(rule, Rule)] == [
        ("p", ""),
        ("b", ""),
        ("i", "print and (x)"),
        ("u", ""),
    ]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#FFF", (255, 255, 255)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("navy !important", (0, 0, 128)),
        ("#ffff", None),
        ("transparent", None),
    ],
)
def test_colours(text: str, colour: tuple[int, int, int] | None) -> None:
    assert read_colour(text) == colour


def test_contrast_is_that_of_the_standard() -> None:
    assert round(contrast((0, 0, 0), (255, 255, 255)), 2) == 21
    assert round(contrast((0x76, 0x76, 0x76), (255, 255, 255)), 2) == 4.54
