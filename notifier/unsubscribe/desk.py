"""`Desk`: a request in, an answer out. Only a POST with the words of RFC 8058 unsubscribes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from urllib.parse import parse_qs

from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import NoToken, TokenOver, Unsubscription, opened
from notifier.errors import StoreError
from notifier.unsubscribe import pages
from notifier.unsubscribe.words import Language, Words, language_for

MAX_BODY = 4096  # octets; the words are 26
MAX_QUERY = 2048  # characters
AGAIN = "300"  # seconds until a sender may try again while the store is away

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: no redirect, no cookie (RFC 8058 section 3)."""

    status: int
    body: bytes
    language: str
    more: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All of them."""
        about = ("Content-Language", self.language), ("Content-Length", str(len(self.body)))
        return [*pages.HEADERS, *self.more, *about]


def too_big(languages: str) -> Answer:
    """To a request of which nothing is read."""
    language = language_for(languages)
    return _sorry(413, language.too_big, language)


def _sorry(status: int, words: Words, language: Language, *more: tuple[str, str]) -> Answer:
    return Answer(status, pages.sorry(words, language), language.name, more)


@dataclass(frozen=True, slots=True)
class Desk:
    """``suppress`` puts an unsubscription on the suppression list, durably; raises `StoreError`."""

    keys: Sequence[SigningKey]
    suppress: Callable[[Unsubscription], object]
    clock: Callable[[], float] = time.time

    def answer(
        self, method: str, query: str, content_type: str = "", body: bytes = b"", *, languages: str = ""
    ) -> Answer:
        """The answer to a request; ``body`` may be cut off behind `MAX_BODY` octets, never before. ``languages``: its Accept-Language."""
        language = language_for(languages)
        if method not in ("GET", "HEAD", "POST"):
            return _sorry(405, language.not_allowed, language, ("Allow", "GET, HEAD, POST"))
        try:
            one = opened(_token(query), self.keys, now=self.clock())
        except NoToken:
            return _sorry(404, language.no_token, language)
        except TokenOver:
            return _sorry(400, language.over, language)
        if method == "POST":
            return self._taken(one, content_type, body, language)
        return Answer(200, pages.question(one.address, language), language.name)

    def _taken(self, one: Unsubscription, content_type: str, body: bytes, language: Language) -> Answer:
        if len(body) > MAX_BODY:
            return _sorry(413, language.too_big, language)
        if not _asks_for_it(content_type, body):
            return _sorry(400, language.not_asked, language)
        try:
            self.suppress(one)
        except StoreError as error:
            log.error("mail %s: nobody is unsubscribed from %s: %s", one.mail_id, one.mailing_list, error)  # noqa: TRY400 - for operators
            return _sorry(503, language.away, language, ("Retry-After", AGAIN))
        log.info("mail %s: its recipient has unsubscribed from %s", one.mail_id, one.mailing_list)
        return Answer(200, pages.done(one.address, language), language.name)


def _token(query: str) -> str:
    try:
        return parse_qs(query[: MAX_QUERY + 1], max_num_fields=20).get("t", [""])[0] if len(query) <= MAX_QUERY else ""
    except ValueError:  # too many fields
        return ""


def _asks_for_it(content_type: str, body: bytes) -> bool:
    """Both forms are a sender's to choose (RFC 8058 section 3)."""
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        whole = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
        message = message_from_bytes(whole, policy=policy.compat32)
        return any(_is_the_word(part) for part in message.walk())
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return False
    return fields.get("List-Unsubscribe") == ["One-Click"]


def _is_the_word(part: Message) -> bool:
    name = part.get_param("name", header="Content-Disposition")
    return name == "List-Unsubscribe" and part.get_payload(decode=True) == b"One-Click"
