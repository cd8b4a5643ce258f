"""Notifications whose files are Django templates: ``send_email.delay(template="shop/welcome", …)``.

A notification is a folder that the project's template loaders find: ``subject.txt`` with ``body.txt``, ``body.html`` or both. They are
rendered by the worker, which has to have called ``django.setup()``; there is no request, so no context processor of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine, Template, TemplateDoesNotExist, TemplateSyntaxError
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
    except TemplateDoesNotExist as missing:
        if str(missing) == f"{name}/{part}":
            return None
        raise TemplateRenderError(f"template {name!r}: {part} extends {missing}, which is not there") from None
    except ImproperlyConfigured as error:
        raise TemplateNotFound(f"no template {name[:80]!r}: {error}") from error
    except TemplateSyntaxError as error:
        raise TemplateRenderError(f"template {name!r}: {part}: {error}") from error


def _rendered(name: str, part: str, context: Mapping[str, Any]) -> str | None:
    template = _template(name, part)
    if template is None:
        return None
    try:
        output: str = template.render(Context(dict(context), autoescape=part == HTML))
    except TemplateSyntaxError as error:
        raise TemplateRenderError(f"template {name!r}: {part}: {error}") from error
    except (MemoryError, TooLong):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a template does wrong; its words may show the context
        raise TemplateRenderError(f"template {name!r}: {part} raised {type(error).__name__}") from None
    return output
