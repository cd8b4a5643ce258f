"""A console over a real store, and somebody who uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx

from notifier.cli.catalogue import Catalogue
from notifier.console.operator_page.access import Access
from notifier.console.operator_page.serving import ConsolePage
from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.state import MailState
from notifier.rendering import Renderer, TemplateLibrary
from notifier.store.base import Claim, Settlement
from notifier.tasks.runtime import runtime

TOKEN = "a token of the operator's own"
REFUSED = "5.1.1 <{}>: no such user"


@contextmanager
def console(**options: Any) -> Iterator[ConsolePage]:
    """Of this process's settings."""
    chosen = runtime().settings
    library = TemplateLibrary(chosen.template_folders)
    page = ConsolePage(Access(TOKEN), Catalogue(library, Renderer(library)), chosen.sender, **options)
    with page:
        yield page


class Operator:
    """A browser without a picture, signed in."""

    def __init__(self, page: ConsolePage) -> None:
        self.page = page
        self.client = httpx.Client(base_url=page.url, trust_env=False, timeout=60)
        assert self.client.post("/enter", data={"token": TOKEN}).status_code == 200

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    @cached_property
    def token(self) -> str:
        """What the forms of this session have in them."""
        return re.findall(r'name="token" value="([^"]+)"', self.text("/reports"))[0]

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> httpx.Response:
        return self.client.post(path, data={"token": self.token, **fields}, headers=headers)

    def told(self, path: str, **fields: Any) -> list[str]:
        """What the console says that it did."""
        answer = self.post(path, fields)
        assert answer.status_code == 303, answer.text
        return notices(self.text(answer.headers["Location"]))


def notices(text: str) -> list[str]:
    return re.findall(r'<p class="card outcome \w+">([^<]*)</p>', text)


def taken(queue: str) -> Claim:
    (claim,) = runtime().store.claim(queue, "somebody", 1)
    return claim


def fail(queue: str, text: str = "no such user") -> str:
    """The mail of the queue that waits longest is refused for good."""
    claim = taken(queue)
    fault = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, text, host="relay.example:25", code=550)
    runtime().store.settle([Settlement(claim, MailState.FAILED, fault=fault, relay="relay.example:25")])
    return claim.mail_id


def lose_the_last_word(queue: str) -> str:
    """Nobody knows what became of the mail of the queue that waits longest."""
    claim = taken(queue)
    fault = Fault(
        "Z5", ErrorClass.UNKNOWN, Scope.MESSAGE, Phase.FINAL_REPLY, "connection lost", host="relay.example:25"
    )
    runtime().store.begin_dot([claim])
    runtime().store.settle([Settlement(claim, MailState.UNKNOWN, fault=fault, relay="relay.example:25")])
    return claim.mail_id


def write_template(folder: Path, name: str, **parts: str) -> None:
    ends = {"subject": "subject.txt.j2", "text": "text.txt.j2", "html": "html.html.j2", "meta": "meta.json"}
    (folder / name).mkdir(parents=True)
    for part, text in parts.items():
        (folder / name / ends[part]).write_text(text, encoding="utf-8")
