"""The templates as the workers' settings find them, and each sample as it comes out. To write them there is `notifier preview`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from notifier.console.html import Markup, tag
from notifier.console.operator_page.layout import Viewer, badge, card, counted, empty, page, quiet, table
from notifier.console.preview_page.specimens import Choice, Described, Specimen


def templates_page(viewer: Viewer, found: Sequence[Described]) -> str:
    """All of them."""
    rows = ((_link(one.name), one.about.description or "–", _facts(one)) for one in found)
    note = quiet("What is wrong with a template, while it is written: ", tag("code", "notifier preview"), ".")
    shown = table("Templates", ("template", "what it is", ""), rows) if found else empty("There is no template.")
    return page(viewer, "/templates", "Templates", tag("section", shown, note, class_="card part"))


def _link(name: str) -> Markup:
    return tag("a", name, href=f"/templates/{quote(name, safe='')}")


def _facts(one: Described) -> Markup:
    if one.problem:
        return badge("cannot be read", "error")
    samples = counted(len(one.about.samples), "sample")
    return tag("span", f"{samples} · {counted(1 + len(one.about.locales), 'language')}")


def template_page(viewer: Viewer, described: Described, specimen: Specimen | None) -> str:
    """One of them, with the sample that is chosen."""
    if specimen is None:
        return page(
            viewer,
            "/templates",
            described.name,
            card("It cannot be read", tag("p", described.problem, class_="wrapped")),
        )
    links = (_sample(one, one == specimen.choice) for one in described.choices)
    return page(
        viewer,
        "/templates",
        described.name,
        quiet(described.about.description) if described.about.description else None,
        tag("nav", *links, class_="tabs", aria_label="Samples"),
        card(_name(specimen.choice), _shown(specimen)),
    )


def _sample(one: Choice, chosen: bool) -> Markup:
    return tag(
        "a",
        _name(one),
        href=f"/templates/{quote(one.template, safe='')}?{query_of(one)}",
        aria_current="true" if chosen else None,
    )


def query_of(one: Choice) -> str:
    """Sample and language in an address."""
    return urlencode({"sample": one.sample, **({"locale": one.locale} if one.locale else {})})


def _name(one: Choice) -> str:
    return f"{one.sample} · {one.locale}" if one.locale else one.sample


def _shown(specimen: Specimen) -> Markup:
    if specimen.content is None:
        return tag("p", specimen.problem, class_="wrapped", role="alert")
    subject = tag("p", tag("strong", specimen.content.subject))
    if specimen.content.html is None:
        return tag("div", subject, tag("pre", specimen.content.text, class_="wrapped", tabindex="0"))
    source = f"/templates/{quote(specimen.choice.template, safe='')}/frame?{query_of(specimen.choice)}"
    allowed = "allow-popups allow-popups-to-escape-sandbox"
    return tag("div", subject, tag("iframe", src=source, sandbox=allowed, title="The sample", class_="mail"))
