"""`OwnFields`: what is ours to add to a mail: the ways to unsubscribe, and Feedback-ID."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from notifier.delivery.unsubscribing import Unsubscribe
from notifier.mime.list_unsubscribe import FIELD, one_click
from notifier.model.email import Email


@dataclass(frozen=True, slots=True)
class OwnFields:
    """``mailing_list`` tells what a mail's recipients unsubscribe from. ``feedback_id``: the sender in Feedback-ID, or
    nothing. What the application has set itself stays as it is.
    """

    unsubscribe: Unsubscribe | None = None
    mailing_list: Callable[[Email], str | None] = lambda _: None
    feedback_id: str = ""

    def link(self, email: Email) -> str | None:
        """Where the mail's recipient unsubscribes; None where it has no such link of ours."""
        if self.unsubscribe is None or FIELD.lower() in _names(email):
            return None
        return self.unsubscribe.link(email, self.mailing_list(email))

    def headers(self, email: Email, link: str | None) -> Mapping[str, str]:
        """The application's own, and before them ours."""
        ours = {} if link is None else one_click(link)
        if self.feedback_id:
            ours["Feedback-ID"] = f"{email.template}:{email.tenant}:{email.mail_class}:{self.feedback_id}"
        theirs = _names(email)
        return {**{name: value for name, value in ours.items() if name.lower() not in theirs}, **email.headers}


def supplied(link: str | None) -> Mapping[str, str]:
    """What a template's context has beside what the caller gave."""
    return {} if link is None else {"unsubscribe_url": link}


def _names(email: Email) -> set[str]:
    return {name.lower() for name in email.headers}
