"""Notifications whose files are Django templates: ``send_email.delay(template="shop/welcome", …)``.

A notification is a folder that the project's template loaders find: ``subject.txt`` with ``body.txt``, ``body.html`` or both. They are
rendered by the worker, which has to have called ``django.setup()``; there is no request, so no context processor of one.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine, Node, Template, TemplateDoesNotExist, TemplateSyntaxError
from django.utils import translation

from notifier.errors import TemplateNotFound, TemplateRenderError
from notifier.rendering.engine import Parts
from notifier.rendering.processor_limit import TooLong
from notifier.tasks.runtime import render_others_by

SUBJECT, TEXT, HTML = "subject.txt", "body.txt", "body.html"


def connect() -> None:
    """Templates whose names have a slash are Django's in this process."""
    render_others_by(DjangoTemplates())


class DjangoTemplates:
    """See `notifier.rendering.engine.Engine`."""

    def require(self, name: str) -> None:
        """Raises `TemplateNotFound`, or `TemplateRenderError` where a file of it does not compile."""
        subject, *bodies = (_template(name, part) for part in (SUBJECT, TEXT, HTML))
        if subject is None or not any(bodies):
            missing = f"{SUBJECT}" if subject is None else f"{TEXT} and no {HTML}"
            raise TemplateNotFound(f"no template {name[:80]!r}: in {name[:80]}/ Django's loaders find no {missing}")

    def render(self, name: str, context: Mapping[str, Any], locale: str | None) -> Parts:
        """In the language ``locale``, or the project's. Raises `TemplateNotFound`, `TemplateRenderError`."""
        self.require(name)
        with translation.override(_language(locale)):
            subject = _rendered(name, SUBJECT, context)
            return Parts(subject or "", _rendered(name, TEXT, context), _rendered(name, HTML, context))


def _language(locale: str | None) -> str:
    return settings.LANGUAGE_CODE if locale is None else locale.replace("_", "-").lower()


def _template(name: str, part: str) -> Template | None:
    try:
        return Engine.get_default().get_template(f"{name}/{part}")
    except TemplateDoesNotExist:
        return None
    except ImproperlyConfigured as error:
        raise TemplateNotFound(f"no template {name[:80]!r}: {error}") from error
    except TemplateSyntaxError as error:
        raise TemplateRenderError(f"template {name!r}: {part}{_line(error)}: {_in_one_line(error)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateRenderError(f"template {name!r}: {part} cannot be read: {type(error).__name__}") from error


def _rendered(name: str, part: str, context: Mapping[str, Any]) -> str | None:
    template = _template(name, part)
    if template is None:
        return None
    try:
        output: str = template.render(Context(dict(context), autoescape=part == HTML))
    except TemplateSyntaxError as error:
        raise TemplateRenderError(f"template {name!r}: {part}{_tag(error)}: {_in_one_line(error)}") from error
    except (MemoryError, TooLong):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a template does wrong; its words may show the context
        raise TemplateRenderError(f"template {name!r}: {part}{_tag(error)} raised {type(error).__name__}") from None
    return output


def _line(error: TemplateSyntaxError) -> str:
    token = getattr(error, "token", None)
    return "" if token is None else f", line {token.lineno}"


def _tag(error: Exception) -> str:
    """Where rendering stopped, in the words of the template: the innermost node. Django notes it with its debug mode on alone."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    nodes = [node for frame in frames if isinstance(node := frame.f_locals.get("self"), Node)]
    if not nodes or nodes[-1].token is None or nodes[-1].origin is None:
        return ""
    node = nodes[-1]
    return f" ({node.origin.template_name}, line {node.token.lineno}: {node.token.contents[:80]!r})"


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
