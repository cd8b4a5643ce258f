"""One template: which sample in which language, and its views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from notifier.console.html import Markup, join, tag
from notifier.console.preview_page.checks import Finding
from notifier.console.preview_page.checks.whole_mail import CLIPPED
from notifier.console.preview_page.layout import NOUNS, badges, broken, count_words, empty, page, size_words
from notifier.console.preview_page.sending import NO_RELAY, Desk, Result
from notifier.console.preview_page.shown_html import knows_dark
from notifier.console.preview_page.specimens import NO_SAMPLE, Choice, Described, Specimen
from notifier.console.preview_page.text_views import TEXT_VIEWS

PHONES = ("320", "375")
DESKTOPS = ("600", "800")
MODES = ("light", "dark")
PREVIEW = "preview"
VIEWS = (PREVIEW, *TEXT_VIEWS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page says: all of it is made to fit."""

    choice: Choice
    view: str = PREVIEW
    mode: str = "light"
    phone: str = "375"
    desktop: str = "600"

    @property
    def query(self) -> str:
        """The sample and its language, as in the address of a part of it."""
        locale = {"locale": self.choice.locale} if self.choice.locale else {}
        return urlencode({"sample": self.choice.sample, **locale})

    @property
    def address(self) -> str:
        """Of the page that shows this."""
        more = {"view": self.view, "mode": self.mode, "phone": self.phone, "desktop": self.desktop}
        return f"/t/{quote(self.choice.template)}?{self.query}&{urlencode(more)}"


def template_page(
    described: Described, asked: Asked, specimen: Specimen, *, desk: Desk, result: Result | None, stamp: str
) -> str:
    """The page. A template that does not render has its problem in place of the views."""
    name = described.name
    seen = _views(asked, specimen) if not specimen.problem else broken(specimen.problem)
    title = " · ".join((name, asked.choice.sample, *([asked.choice.locale] if asked.choice.locale else [])))
    return page(
        title,
        stamp,
        tag("nav", tag("a", "← All templates", href="/"), class_="around", aria_label="Place"),
        tag("h1", name),
        tag("p", described.about.description, class_="quiet") if described.about.description else None,
        _outcome(result),
        _choosing(described, asked),
        seen,
        _send_form(asked, desk) if not specimen.problem else None,
    )


def problem_page(described: Described, stamp: str) -> str:
    """A template of which nothing is known."""
    back = tag("nav", tag("a", "← All templates", href="/"), class_="around", aria_label="Place")
    return page(described.name, stamp, back, tag("h1", described.name), broken(described.problem))


def _choosing(described: Described, asked: Asked) -> Markup:
    samples = tuple(described.about.samples) or (NO_SAMPLE,)
    of_sample = [(name, replace(asked, choice=replace(asked.choice, sample=name))) for name in samples]
    of_locale = [
        (locale or "default", replace(asked, choice=replace(asked.choice, locale=locale)))
        for locale in (None, *described.about.locales)
    ]
    return tag("div", _row("Sample", of_sample, asked), _row("Language", of_locale, asked), class_="choosing")


def _row(label: str, choices: Iterable[tuple[str, Asked]], asked: Asked) -> Markup:
    links = (tag("a", words, href=one.address, aria_current=_current(one == asked)) for words, one in choices)
    return tag("nav", tag("span", label, class_="label"), *links, class_="chips", aria_label=label)


def _current(chosen: bool) -> str | None:
    return "true" if chosen else None


def _views(asked: Asked, specimen: Specimen) -> Markup:
    labels = {"source": "HTML source"}
    links = (
        tag(
            "a",
            labels.get(name, name.capitalize()),
            href=replace(asked, view=name).address,
            aria_current="page" if name == asked.view else None,
        )
        for name in VIEWS
    )
    tabs = tag("nav", *links, class_="tabs", aria_label="Views")
    shown = _preview(asked, specimen) if asked.view == PREVIEW else TEXT_VIEWS[asked.view](specimen)
    return join(_facts(specimen), tabs, shown)


def _facts(specimen: Specimen) -> Markup:
    content = specimen.content
    assert content is not None  # noqa: S101 - there is no problem
    html = len((content.html or "").encode("utf-8", "replace"))
    size = tag("span", f"html {size_words(html)} of {CLIPPED // 1024} KB, message {size_words(len(specimen.message))}")
    meter = tag(
        "meter",
        min="0",
        max=str(CLIPPED),
        high=str(int(0.9 * CLIPPED)),
        optimum="0",
        value=str(html),
        aria_label=f"HTML, of the {CLIPPED // 1024} KB that Gmail shows",
    )
    rows = (
        ("Subject", tag("strong", content.subject)),
        ("Size", tag("span", size, meter, class_="size")),
        ("Checks", badges(specimen.findings)),
    )
    return tag("dl", *(item for name, value in rows for item in (tag("dt", name), tag("dd", value))), class_="card top")


def _preview(asked: Asked, specimen: Specimen) -> Markup:
    assert specimen.content is not None  # noqa: S101 - there is no problem
    if specimen.content.html is None:
        return join(empty("This template has no HTML part; the text part is the mail."), _findings(asked, specimen))
    modes = [(mode.capitalize(), replace(asked, mode=mode)) for mode in MODES]
    unknown = None if knows_dark(specimen.content.html) else tag("p", _NO_DARK, class_="quiet")
    frames = tag(
        "div",
        _frame(asked, "Phone", "phone", PHONES, asked.phone),
        _frame(asked, "Desktop", "desktop", DESKTOPS, asked.desktop),
        class_="frames",
    )
    return join(_switch("Mode", "mode", modes, asked), unknown, frames, _findings(asked, specimen))


_NO_DARK = "The mail says nothing of dark mode: it stays light, and some clients turn its colours around by themselves."


def _switch(label: str, key: str, choices: Iterable[tuple[str, Asked]], asked: Asked) -> Markup:
    links = (
        tag("a", words, href=one.address, data_switch=key, aria_current=_current(one == asked))
        for words, one in choices
    )
    return tag("nav", tag("span", label, class_="label"), *links, class_="chips", aria_label=label)


def _frame(asked: Asked, label: str, key: str, widths: Iterable[str], width: str) -> Markup:
    choices = [
        (f"{one} px", replace(asked, phone=one) if key == "phone" else replace(asked, desktop=one)) for one in widths
    ]
    source = f"/t/{quote(asked.choice.template)}/frame?{asked.query}&mode={asked.mode}"
    # No script, no form, no way to the page around it; a link that is clicked opens in a tab of its own.
    allowed = "allow-popups allow-popups-to-escape-sandbox"
    frame = tag(
        "iframe", src=source, sandbox=allowed, title=f"The mail on a {label.lower()}", width=width, height="720"
    )
    stage = tag("div", frame, class_="stage", tabindex="0", role="region", aria_label=f"{label}, may be scrolled")
    return tag("section", _switch(label, key, choices, asked), stage, class_=f"device {key}")


def _findings(asked: Asked, specimen: Specimen) -> Markup:
    title = tag("h2", "Checks")
    if not specimen.findings:
        return tag("section", title, tag("p", "Nothing to say against it.", class_="quiet"), class_="card checks")
    return tag("section", title, tag("ul", *(_finding(asked, one) for one in specimen.findings)), class_="card checks")


def _finding(asked: Asked, finding: Finding) -> Markup:
    noun = NOUNS[finding.severity]
    source = replace(asked, view="source").address
    place = tag("a", f"line {finding.line}", href=f"{source}#L{finding.line}") if finding.line else None
    times = count_words(finding.times, "place") if finding.times > 1 else None
    return tag(
        "li",
        tag("span", noun, class_=f"badge {noun}"),
        tag("span", finding.words, class_="words"),
        tag("span", place, " · " if place and times else None, times, class_="quiet"),
    )


def _outcome(result: Result | None) -> Markup | None:
    if result is None:
        return None
    return tag("p", result.words, class_="card outcome" + (" sent" if result.sent else " failed"), role="status")


def _send_form(asked: Asked, desk: Desk) -> Markup:
    title = tag("h2", "Send me this", id="send")
    if desk.send is None:
        return tag("section", title, tag("p", NO_RELAY, class_="quiet words"), class_="card send")
    hidden = {"token": desk.token, "back": asked.address}
    return tag(
        "section",
        title,
        tag(
            "form",
            *(tag("input", type="hidden", name=name, value=value) for name, value in hidden.items()),
            tag("label", "To", for_="to"),
            tag("input", type="email", name="to", id="to", required=True, autocomplete="email", maxlength="320"),
            tag("button", "Send", type="submit"),
            method="post",
            action=f"/t/{quote(asked.choice.template)}/send?{asked.query}",
        ),
        tag("p", "Exactly this mail goes out at once, through the relay of NOTIFIER_SMTP_URL.", class_="quiet"),
        class_="card send",
    )
