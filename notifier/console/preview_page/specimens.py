"""`Specimens`: a template with a sample in a language, rendered, composed and checked, and kept until a file changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from notifier.console.preview_page.checks import Finding, check_mail
from notifier.console.preview_page.templates import About, Templates
from notifier.delivery.redaction import redacted
from notifier.errors import NotifierError
from notifier.mime import Composition, compose
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.envelope import Envelope
from notifier.model.octets import whole
from notifier.model.template import MailDefaults

KEPT = 500  # specimens
NO_SAMPLE = "no sample"
READER = Address.parse("reader@example.com")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Choice:
    """``locale`` None: the default one."""

    template: str
    sample: str
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Specimen:
    """``problem`` says why there is no content; ``shown_context`` is without what is sensitive."""

    choice: Choice
    context: Mapping[str, Any]
    shown_context: Mapping[str, Any]
    content: Content | None = None
    message: bytes = b""
    findings: tuple[Finding, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """``problem`` says why nothing is known of the template."""

    name: str
    about: About = field(default_factory=lambda: About("", {}, (), frozenset()))
    problem: str = ""

    @property
    def choices(self) -> list[Choice]:
        """Every sample in every language; one without a context where there is no sample."""
        samples = list(self.about.samples) or [NO_SAMPLE]
        return [Choice(self.name, sample, locale) for sample in samples for locale in (None, *self.about.locales)]


class Specimens:
    """Safe to share between threads. ``rendering`` calls a function where rendering may be stopped, and returns its result."""

    def __init__(
        self, templates: Templates, sender: Address, rendering: Callable[[Callable[[], Content]], Content]
    ) -> None:
        self.templates = templates
        self._sender = sender
        self._rendering = rendering
        self._kept: OrderedDict[tuple[str, Choice], Specimen] = OrderedDict()
        self._lock = threading.Lock()

    def described(self, name: str) -> Described:
        """What the template says of itself."""
        try:
            return Described(name, self.templates.about(name))
        except (NotifierError, OSError) as error:
            return Described(name, problem=told(error))

    def get(self, choice: Choice, about: About, stamp: str) -> Specimen:
        """The specimen as the files were at that stamp, or later."""
        key = (stamp, choice)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._make(choice, about)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _make(self, choice: Choice, about: About) -> Specimen:
        context = about.samples.get(choice.sample, {})
        both = context, redacted(context, about.sensitive)
        try:
            content = self._rendering(lambda: self.templates.render(choice.template, context, choice.locale))
            message = self._composed(content, about.defaults)
        except (NotifierError, OSError) as error:
            return Specimen(choice, *both, problem=told(error))
        return Specimen(choice, *both, content, message, tuple(check_mail(content, len(message))))

    def _composed(self, content: Content, defaults: MailDefaults) -> bytes:
        """As a worker composes it, to a reader who is nobody."""
        sender = defaults.sender or self._sender
        mail = compose(
            Composition(
                content,
                sender=sender,
                to=[READER],
                reply_to=defaults.reply_to,
                message_id=f"<preview@{sender.ascii_domain}>",
                date=datetime.now(UTC),
                envelope=Envelope(sender.forward_path, (READER.forward_path,)),
            )
        )
        return whole(mail.data)


def told(error: Exception) -> str:
    """In words for people."""
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
