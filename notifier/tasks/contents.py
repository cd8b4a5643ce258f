"""What a mail says, for people who may see it: rendered again, and without the values that its template calls sensitive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from notifier.delivery.own_fields import supplied
from notifier.errors import NotifierError, StoreError, StoreUnavailable
from notifier.model.content import Content, InlineImage, content_id_of
from notifier.model.email import Email
from notifier.tasks.runtime import runtime

GONE = "What it says is not kept any more: of a mail that has ended only its history is left."
UNREADABLE = "What is kept of it cannot be read here."
OWN = "The application has composed this message itself, and nobody knows which of its words are secret."
# The real one lets whoever has it unsubscribe the recipient.
NO_LINK = "https://unsubscribe.invalid/"


@dataclass(frozen=True, slots=True)
class Shown:
    """``problem`` says why there is no content. ``context`` is without what is sensitive."""

    email: Email | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    content: Content | None = None
    problem: str = ""


def kept(mail_id: str) -> Shown:
    """What the store has of the mail, not rendered. Raises `StoreUnavailable`."""
    try:
        email = runtime().store.email(mail_id)
    except StoreUnavailable:
        raise
    except (StoreError, ValueError, KeyError, TypeError, AttributeError):
        return Shown(problem=UNREADABLE)
    if email is None:
        return Shown(problem=GONE)
    return Shown(
        email, {} if email.message else runtime().redactor.context(email), problem=OWN if email.message else ""
    )


def rendered(shown: Shown) -> Shown:
    """The same with its content, where it can be rendered without what is sensitive. Raises `StoreUnavailable`."""
    if shown.email is None or shown.problem:
        return shown
    mine = runtime()
    link = NO_LINK if mine.composer.own_fields.link(shown.email) else None
    try:
        content = mine.renderer.render(shown.email.template, {**supplied(link), **shown.context}, shown.email.locale)
        images = (*content.inline_images, *_images(shown.email))
    except StoreUnavailable:
        raise
    except (NotifierError, OSError) as error:
        return replace(shown, problem=f"It cannot be rendered here without what is secret in it: {error}")
    return replace(shown, content=replace(content, inline_images=images))


def _images(email: Email) -> list[InlineImage]:
    store = runtime().store
    return [
        InlineImage(content_id_of(ref.blob), ref.filename, ref.content_type, store.get_blob(ref.blob))
        for ref in email.attachments
        if ref.inline
    ]
