"""`UntrustedRenderer`: templates that strangers write are rendered in a fresh interpreter with limits (ADR 23).

The sandbox stops no ``'A' * 10**9`` and no ``9**(9**9)``: they are one call into C, which nothing interrupts. A new process
and no fork: the children of a prefork pool are daemonic and may not use multiprocessing, and a fork would inherit the
worker's memory, secrets included.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from notifier.errors import RendererUnavailable, TemplateRenderError
from notifier.model.content import Content, InlineImage
from notifier.rendering.library import TemplateLibrary
from notifier.rendering.untrusted_limits import Limits
from notifier.rendering.untrusted_process import End, ask
from notifier.rendering.untrusted_wire import PARTS, READY

MAX_WORDS = 500  # characters of what the child says of an error


class UntrustedRenderer:
    """Safe to share between threads. ``image(template, filename)`` reads an image of a template."""

    def __init__(
        self, library: TemplateLibrary, image: Callable[[str, str], InlineImage], limits: Limits | None = None
    ) -> None:
        self._library = library
        self._image = image
        self._limits = limits or Limits()

    def render(self, template: str, context: Mapping[str, Any], locale: str | None) -> Content:
        """The content. Raises `TemplateRenderError` for whatever the template does, and `RendererUnavailable`."""
        return self._content(template, self._ask(template, context=context, locale=locale, compile=False))

    def compile(self, template: str) -> None:
        """Compile every file. Raises as `render` does."""
        self._ask(template, context={}, locale=None, compile=True)

    def _ask(self, template: str, **question: Any) -> Mapping[str, Any]:
        folders = [str(folder) for folder in self._library.folders_of(template)]
        whole = {"template": template, "folders": folders, "limits": asdict(self._limits), **question}
        try:
            asked = json.dumps(whole).encode()
        except (TypeError, ValueError):
            raise TemplateRenderError(f"template {template!r}: the context of an untrusted one is plain JSON") from None
        answer = _read(ask(asked, self._limits), self._limits)
        if isinstance(answer, str):
            raise TemplateRenderError(f"template {template!r}, which is untrusted: {answer}")
        if "error" in answer:
            raise TemplateRenderError(_printable(answer["error"]))
        return answer

    def _content(self, template: str, answer: Mapping[str, Any]) -> Content:
        """What has a sandbox's escape behind it may answer anything: nothing but texts and our own images is taken."""
        if not _is_content(answer):
            raise TemplateRenderError(f"template {template!r}, which is untrusted: the child's answer is no content")
        images = tuple(self._image(template, name) for name in dict.fromkeys(answer["images"]))
        return Content(**answer["content"], inline_images=images)


def _is_content(answer: Mapping[str, Any]) -> bool:
    parts, images = answer.get("content"), answer.get("images")
    if not isinstance(parts, dict) or parts.keys() != set(PARTS) or not isinstance(images, list):
        return False
    subject, text = parts["subject"], parts["text"]
    one_line = isinstance(subject, str) and subject == " ".join(subject.split())
    texts = isinstance(text, str) and all(part is None or isinstance(part, str) for part in parts.values())
    return one_line and texts and all(isinstance(name, str) for name in images)


def _read(end: End, limits: Limits) -> Mapping[str, Any] | str:
    """The answer, or in words why there is none."""
    if len(end.output) > limits.output:
        return f"its output is over {limits.output:,} octets"
    if end.code is None:
        return f"it had not ended after {limits.wall:g} seconds"
    if not end.output.startswith(READY):
        raise RendererUnavailable(
            f"the child that renders untrusted templates ended with {_named(end.code)} before it had begun; "
            f"try: {sys.executable} -I -c 'import jinja2'"
        )
    if end.code == -signal.SIGXCPU:
        return f"it took more than {limits.processor:g} seconds of the processor in one call"
    if end.code != 0:
        return f"its child ended with {_named(end.code)}; its memory is limited to {limits.memory:,} octets"
    try:
        answer = json.loads(end.output.removeprefix(READY))
    except (ValueError, RecursionError):
        return "the child's answer is no JSON"
    return answer if isinstance(answer, dict) else "the child's answer is no object"


def _named(code: int) -> str:
    names = {one.value: one.name for one in signal.Signals}
    return f"signal {names.get(-code, -code)}" if code < 0 else f"status {code}"


def _printable(words: object) -> str:
    text = words if isinstance(words, str) else "the child's error is no text"
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_WORDS]
