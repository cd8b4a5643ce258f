"""What is paused, and what may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from notifier.console.html import Child, Markup, tag
from notifier.console.operator_page.layout import (
    Viewer,
    acting,
    button,
    card,
    choice,
    empty,
    field,
    hidden,
    page,
    quiet,
    table,
)
from notifier.model.pause import KINDS, Pause


def pauses_page(viewer: Viewer, pauses: Mapping[Pause, str], known: Sequence[Pause]) -> str:
    """``known``: what is there to be paused; a relay of ``mx://`` may have any other name."""
    heads = ("what", "why", *([""] if viewer.may_act else []))
    rows = (list(_row(viewer, *one)) for one in sorted(pauses.items()))
    shown = table("Pauses", heads, rows) if pauses else empty("Nothing is paused.")
    pausing = _pausing(viewer, known)
    return page(
        viewer,
        "/pauses",
        "Pauses",
        tag("section", shown, class_="card part"),
        card("Pause", pausing) if pausing else None,
    )


def _row(viewer: Viewer, what: Pause, why: str) -> Iterator[Child]:
    yield str(what)
    yield viewer.veil.words(why)
    if viewer.may_act:
        names = (hidden("kind", what.kind), hidden("name", what.name))
        yield acting(viewer, "/pauses/resume", *names, button("Let it go on"), label=f"Let {what} go on")


def _pausing(viewer: Viewer, known: Sequence[Pause]) -> Markup | None:
    names = tag(
        "datalist", *(tag("option", value=name) for name in dict.fromkeys(one.name for one in known)), id="known"
    )
    return acting(
        viewer,
        "/pauses/pause",
        choice("What", "kind", ((kind, kind) for kind in KINDS)),
        field("Name; of a relay, HOST:PORT", "name", required=True, maxlength="300", list="known"),
        names,
        field("Why", "why", "paused in the console", maxlength="300"),
        button("Pause it"),
        quiet(
            "Mails are taken in and wait. None fails for it, and it holds until it is ended here or by notifier resume."
        ),
        label="Pause",
    )
