"""What the preview needs of the templates. The command gives it those of a library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from notifier.model.content import Content
from notifier.model.template import MailDefaults


@dataclass(frozen=True, slots=True)
class About:
    """What a template says of itself. ``locales`` are those beside the default one."""

    description: str
    samples: Mapping[str, Mapping[str, Any]]
    locales: tuple[str, ...]
    sensitive: frozenset[str]
    defaults: MailDefaults = MailDefaults()  # noqa: RUF009 - frozen


class Templates(Protocol):
    """``stamp`` is another text whenever a file has changed; what is wrong with a template is a `TemplateError`."""

    def names(self) -> tuple[str, ...]: ...
    def about(self, name: str) -> About: ...
    def render(self, template: str, context: Mapping[str, Any], locale: str | None) -> Content: ...
    def stamp(self) -> str: ...
