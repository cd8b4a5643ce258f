"""Style sheets into ``style`` attributes, for the mail programs that read nothing else: by css-inline, at load where possible.

The style element stays as it is, for media queries and ``:hover``. Nothing is fetched, neither from the network nor from files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from jinja2 import BaseLoader, Environment, TemplateError, TemplateNotFound
from jinja2.meta import find_referenced_templates

from notifier.errors import TemplateError as NotifierTemplateError
from notifier.rendering.inlined_source import NotAtLoad, check_page, check_sheet, check_values, inlined, style_sheets
from notifier.rendering.markup_guard import guarded
from notifier.rendering.nesting import MAX_DEPTH, is_too_deep

_MAX_FILES = 64  # that one template may reach


@dataclass(frozen=True, slots=True)
class Plan:
    """What was made of a template: ``environment`` renders it inlined; None where its mails are inlined one by one, and ``why``."""

    environment: Environment | None
    sheet: str
    styles: int  # how many style elements there are, with those in comments for Outlook
    why: str
    up_to_date: tuple[Callable[[], bool], ...]

    def check(self, html: str) -> None:
        """Raises `NotAtLoad` where a mail has another style sheet: a page may leave out the block that held it."""
        if html.count(self.sheet) != 1 or html.count("<style") != self.styles:
            raise NotAtLoad("a mail had other styles than its layout")


class CssInliner:
    """Safe to share between threads: at the worst a plan is made twice."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._plans: dict[str, Plan] = {}
        self._inlined: dict[str, Environment] = {}

    def inline(self, html: str) -> str:
        """A whole mail. Raises `TemplateError` where css-inline is not installed or does not understand the styles."""
        if is_too_deep(html):
            raise NotifierTemplateError(
                f"the css cannot be inlined: elements lie over {MAX_DEPTH:,} deep in one another; is one never closed in a loop?"
            )
        try:
            return self._css_inline(html)
        except ValueError as error:
            raise NotifierTemplateError(f"the css cannot be inlined: {error}") from None

    def plan(self, path: str) -> Plan:
        """How the template is inlined; made anew when one of its files has changed."""
        plan = self._plans.get(path)
        if plan is None or not all(unchanged() for unchanged in plan.up_to_date):
            plan = self._plans[path] = self._made(path)
        return plan

    def give_up(self, path: str, why: str) -> None:
        """From now on its mails are inlined one by one, until a file changes."""
        self._plans[path] = Plan(None, "", 0, why, self._plans[path].up_to_date)

    @cached_property
    def _css_inline(self) -> Callable[[str], str]:
        try:
            import css_inline  # noqa: PLC0415 - an extra
        except ImportError:
            raise NotifierTemplateError(
                "inline_css in meta.json needs css-inline: pip install notifier-worker[css]"
            ) from None
        return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True).inline

    def _made(self, path: str) -> Plan:
        files = _Files(self._environment)
        try:
            sheet = files.sheet(path)
            check_sheet(sheet)
            check_page(sheet, files.sources.values())
            environment = self._environment_for(sheet)
            for file in files.sources:
                environment.get_template(file)
        except NotAtLoad as reason:
            return Plan(None, "", 0, str(reason), files.up_to_date)
        except TemplateError:  # rendering tells it, with its place
            return Plan(None, "", 0, "it does not compile", files.up_to_date)
        styles = sum(source.count("<style") for source in files.sources.values())
        return Plan(environment, sheet, styles, "", files.up_to_date)

    def _environment_for(self, sheet: str) -> Environment:
        """A layout's pages and macros are inlined by its own sheet."""
        if sheet not in self._inlined:
            loader = _InlinedLoader(self._environment, sheet, self.inline)
            self._inlined[sheet] = guarded(self._environment, loader)
        return self._inlined[sheet]


class _Files:
    """The files that a template reaches, each with its source."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.sources: dict[str, str] = {}
        self.up_to_date: tuple[Callable[[], bool], ...] = ()

    def sheet(self, path: str) -> str:
        """The one style sheet in them. Raises `NotAtLoad`."""
        todo = [path]
        while todo:
            name = todo.pop()
            if name not in self.sources:
                todo.extend(self._read(name))
        sheets = [sheet for source in self.sources.values() for sheet in style_sheets(source)]
        if len(sheets) != 1:
            raise NotAtLoad(f"it has {len(sheets)} style sheets")
        return sheets[0]

    def _read(self, name: str) -> list[str]:
        loader = self._environment.loader
        if loader is None or len(self.sources) >= _MAX_FILES:
            raise NotAtLoad("it reaches too many files")
        if not _escaped(self._environment, name):
            raise NotAtLoad("what it includes is not escaped")
        source, _, unchanged = loader.get_source(self._environment, name)
        source = source.replace("\r\n", "\n")  # as Jinja2 does
        self.sources[name] = source
        self.up_to_date = (*self.up_to_date, unchanged or (lambda: True))
        template = self._environment.parse(source)
        check_values(template, source)
        references = list(find_referenced_templates(template))
        if None in references:
            raise NotAtLoad("which files it reaches depends on the mail")
        return [reference for reference in references if reference is not None]


def _escaped(environment: Environment, name: str) -> bool:
    rule = environment.autoescape
    return rule(name) if callable(rule) else rule


class _InlinedLoader(BaseLoader):
    def __init__(self, environment: Environment, sheet: str, inline: Callable[[str], str]) -> None:
        self._plain = environment
        self._sheet = sheet
        self._inline = inline

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        if self._plain.loader is None:
            raise TemplateNotFound(template)
        source, file, up_to_date = self._plain.loader.get_source(environment, template)
        return inlined(source, self._sheet, self._inline), file, up_to_date
