"""What runs in the child that renders an untrusted template: one question on stdin, one answer on stdout, both JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifier.errors import TemplateError
from notifier.rendering.library import TemplateLibrary
from notifier.rendering.renderer import Renderer
from notifier.rendering.untrusted_limits import Limits
from notifier.rendering.untrusted_wire import PARTS, READY


def main() -> None:
    """Never raises on the template's account."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    question = json.load(sys.stdin.buffer)
    limits = Limits(**question["limits"])
    limits.apply()
    sys.stdout.buffer.write(_answer(question, limits))
    sys.stdout.buffer.flush()


def _answer(question: Mapping[str, Any], limits: Limits) -> bytes:
    try:
        # Half a character is text here; the composer refuses it, and says why.
        answer = json.dumps(_rendered(question, limits), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except TemplateError as error:
        answer = json.dumps({"error": str(error)}).encode()
    except MemoryError:
        answer = json.dumps({"error": f"template {question['template']!r}: out of memory"}).encode()
    return answer


def _rendered(question: Mapping[str, Any], limits: Limits) -> Mapping[str, Any]:
    renderer = Renderer(
        TemplateLibrary([Path(folder) for folder in question["folders"]]), limits.processor, own_code=False
    )
    if question["compile"]:
        renderer.compile_here(question["template"])
        return {}
    content = renderer.render_here(question["template"], question["context"], question["locale"])
    return {
        "content": {name: getattr(content, name) for name in PARTS},
        "images": [image.filename for image in content.inline_images],
    }
