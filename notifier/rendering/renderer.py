"""`Renderer`: a template's name and a context become `Content`.

Data is never compiled as a template. Errors name the template, the file and the line, and never a value of the
context: it may hold a reset link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import chain, product
from pathlib import Path
from typing import Any

from jinja2 import Environment
from jinja2.exceptions import SecurityError

from notifier.errors import ContextMismatch, TemplateError, TemplateRenderError
from notifier.model.content import Content, InlineImage
from notifier.model.template import MailDefaults
from notifier.rendering.catalogs import Catalogs
from notifier.rendering.css_inlining import CssInliner
from notifier.rendering.engine import SLASH, Engine, Parts
from notifier.rendering.environment import make_environment
from notifier.rendering.inlined_source import NotAtLoad
from notifier.rendering.language import speaking
from notifier.rendering.library import HTML_PARTS, REQUIRED, TemplateLibrary
from notifier.rendering.markdown import ENDING as MARKDOWN_ENDING
from notifier.rendering.markdown import LAYOUT, Markdown, markdown_environment
from notifier.rendering.metadata import Metadata
from notifier.rendering.mjml import ENDING as MJML_ENDING
from notifier.rendering.mjml import MjmlCompiler
from notifier.rendering.output import MAX_OUTPUT, TOO_LONG, Output, raise_for_people
from notifier.rendering.processor_limit import AtMost, TooLong, disarm
from notifier.rendering.schemas import Schemas
from notifier.rendering.shared_code import SharedCode
from notifier.rendering.text_alternative import text_alternative
from notifier.rendering.unescaped import referenced, unescaped
from notifier.rendering.untrusted import UntrustedRenderer
from notifier.rendering.untrusted_limits import Limits

MAX_SUBJECT = 998  # characters
MAX_SECONDS = 30.0  # of the processor, for one mail
_IMAGE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


class Renderer:
    """Safe to share between threads. A changed file is compiled anew when it is next used.

    ``seconds`` of the processor are what a mail may take in a process's main thread; ``limits`` are those of a child that
    renders an untrusted template. ``engine`` has the templates whose names have a slash. ``shared``: code that other processes have made.
    ``own_code``: see `Output`.
    """

    def __init__(
        self,
        library: TemplateLibrary,
        seconds: float = MAX_SECONDS,
        limits: Limits | None = None,
        engine: Engine | None = None,
        shared: SharedCode | None = None,
        *,
        own_code: bool = True,
    ) -> None:
        self._library = library
        self._engine = engine
        self._seconds = seconds
        self._environment = make_environment(library, shared)
        self._output = Output(library.glances, own_code)
        self._catalogs = Catalogs(library)
        self._schemas = Schemas(library)
        self._untrusted = UntrustedRenderer(library, self._image, limits)
        self._css = CssInliner(self._environment)
        self._mjml = MjmlCompiler(self._environment)
        self._markdown_environment = markdown_environment(self._environment)
        self._markdown = Markdown(self._environment.filters["link"])

    def names(self) -> tuple[str, ...]:
        """Every template, sorted."""
        return self._library.names()

    def require(self, name: str) -> None:
        """Raises `TemplateNotFound` with the names that are there."""
        if (engine := self._engine_of(name)) is not None:
            engine.require(name)
        else:
            self._library.require(name)

    def _engine_of(self, name: str) -> Engine | None:
        return self._engine if SLASH in name else None

    def metadata(self, name: str) -> Metadata:
        """What the template's ``meta.json`` says; another engine's have none. Raises `TemplateError`."""
        self.require(name)
        return self._library.metadata(name) if self._engine_of(name) is None else Metadata()

    def defaults(self, name: str) -> MailDefaults:
        """What its mails have where the call says nothing. Raises `TemplateError`."""
        return self.metadata(name).defaults

    def sample_contexts(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The samples of ``meta.json`` by name. Raises `TemplateError`."""
        return self.metadata(name).samples

    def sensitive(self, name: str) -> frozenset[str]:
        """The keys that ``meta.json`` declares sensitive. Raises `TemplateError`."""
        return self.metadata(name).sensitive

    def check_context(
        self, name: str, context: Mapping[str, Any], supplied: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        """Raises `ContextMismatch` where the context does not fit the template's schema, and `TemplateError`.

        ``supplied``: what the context gets from us when the mail is rendered.
        """
        if self._engine_of(name) is None:
            self._schemas.check(name, context, supplied)

    def check(self, name: str) -> None:
        """Compile every file, and render every sample in every language. Raises `TemplateError`."""
        samples = self.sample_contexts(name)
        self._library.check_part_names(name)
        for part in REQUIRED:
            if self._library.part(name, part, None) is None:
                raise TemplateRenderError(f"template {name!r} has no {part}")
        if self._library.is_untrusted(name):
            self._untrusted.compile(name)
        else:
            self.compile_here(name)
        for sample, context in samples.items():
            self._check_sample(name, sample, context)
        for context, locale in product(samples.values(), (None, *self._library.locales(name))):
            self.render(name, context, locale)

    def unread(self, name: str) -> tuple[str, ...]:
        """The files in a template's folder that nothing reads."""
        return self._library.unread(name)

    def unescaped(self, name: str) -> tuple[str, ...]:
        """Places of a template's files, and of those that they share, where a value goes into html as it is. Raises `TemplateError`
        for a shared one that cannot be read.
        """
        found: dict[str, list[str]] = {}
        todo = list(self._library.files(name))
        while todo:
            path = todo.pop(0)
            if path not in found:
                found[path], more = self._looked_through(path)
                todo += more
        return tuple(chain.from_iterable(found.values()))

    def _looked_through(self, path: str) -> tuple[list[str], list[str]]:
        """What `unescaped` finds in a file, and the files that it names."""
        try:
            source = (self._library.load(path) or ("",))[0]
            return list(unescaped(self._environment, source, path)), list(referenced(self._environment, source, path))
        except Exception as error:  # noqa: BLE001 - as when it is compiled
            raise_for_people(error, path)

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        """The content. Raises `TemplateNotFound`, `TemplateRenderError`; where it is untrusted, `RendererUnavailable`."""
        self.require(template)
        if self._engine_of(template) is None and self._library.is_untrusted(template):
            return self._untrusted.render(template, context, locale)
        return self.render_here(template, context, locale)

    def compile_here(self, name: str) -> None:
        """Compile every file in this process, trusted or not."""
        for path in self._library.files(name):
            self._compile(path)

    def render_here(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        """The content, made in this process, trusted or not."""
        try:
            with AtMost(self._seconds), speaking(self._catalogs.language(locale)):
                return self._rendered(template, context, locale)
        except TooLong:
            disarm()
            raise TemplateRenderError(f"template {template!r}: {TOO_LONG}") from None

    def _check_sample(self, name: str, sample: str, context: Mapping[str, Any]) -> None:
        try:
            self.check_context(name, context)
        except ContextMismatch as mismatch:
            raise TemplateError(f"sample {sample!r}: {mismatch}") from None

    def _compile(self, path: str) -> None:
        try:
            self._environment.get_template(path)
        except Exception as error:  # noqa: BLE001 - as when it is rendered
            raise_for_people(error, path)

    def _rendered(self, template: str, context: Mapping[str, Any], locale: str | None) -> Content:
        if (engine := self._engine_of(template)) is not None:
            return _content_of(engine.render(template, context, locale), template)
        images: dict[str, InlineImage] = {}
        names = {**context, "inline_image": self._image_function(template, images)}
        subject = self._part(template, "subject.txt.j2", names, locale)
        text = self._part(template, "text.txt.j2", names, locale)
        if subject is None:
            raise TemplateRenderError(f"template {template!r} has no {REQUIRED[0]}")
        subject = _one_line(subject, template)
        html = self._html(template, names, locale, subject)
        _check_size(html, f"{template}: the html, with its styles in its tags,")
        if text is None:
            text = _text_of(html, template)
            _check_size(text, f"{template}: the text that is made of its html")
        return Content(subject, text, html, tuple(images.values()))

    def _image_function(self, template: str, images: dict[str, InlineImage]) -> Callable[[str], str]:
        def inline_image(filename: str) -> str:
            """``cid:`` URL of an image of this notification, which goes along."""
            if filename not in images:
                images[filename] = self._library.glances.at("inline image", self._image, template, filename)
            return f"cid:{images[filename].content_id}"

        return inline_image

    def _image(self, template: str, filename: str) -> InlineImage:
        content_type = _IMAGE_TYPES.get(Path(filename).suffix.lower())
        if content_type is None:
            raise TemplateError(f"inline image {filename!r} is none of {', '.join(_IMAGE_TYPES)}")
        data = self._library.image(template, filename)
        digest = hashlib.sha256(filename.encode() + data).hexdigest()[:16]
        return InlineImage(f"{digest}@notifier", filename, content_type, data)

    def _part(self, template: str, part: str, names: Mapping[str, Any], locale: str | None) -> str | None:
        path = self._library.part(template, part, locale)
        return None if path is None else self._output.of(self._environment, path, names)

    def _html(self, template: str, names: Mapping[str, Any], locale: str | None, subject: str) -> str | None:
        path = next((found for part in HTML_PARTS if (found := self._library.part(template, part, locale))), None)
        if path is None:
            self._library.check_part_names(template)  # or a mail whose html is misnamed goes as text alone
            return None
        inline = self._library.inlines_css(template)
        if path.endswith(MJML_ENDING):
            html = self._from_mjml(path, names)
        elif path.endswith(MARKDOWN_ENDING):
            html = self._from_markdown(path, names, subject)
        elif inline:
            return self._inlined(path, names)
        else:
            html = self._output.of(self._environment, path, names)
        return self._css.inline(html) if inline else html

    def _inlined(self, path: str, names: Mapping[str, Any]) -> str:
        plan = self._css.plan(path)
        if plan.environment is not None:
            try:
                html = self._output.of(plan.environment, path, names)
                plan.check(html)
            except NotAtLoad as reason:
                self._css.give_up(path, str(reason))
            else:
                return html
        return self._css.inline(self._output.of(self._environment, path, names))

    def _from_markdown(self, path: str, names: Mapping[str, Any], subject: str) -> str:
        source = self._output.of(self._markdown_environment, path, names)
        try:
            body = self._markdown.to_html(source)
        except SecurityError as error:
            raise TemplateRenderError(f"{path}: {error}") from None
        return self._output.of(self._environment, LAYOUT, {**names, "mail_body": body, "mail_subject": subject})

    def _from_mjml(self, path: str, names: Mapping[str, Any]) -> str:
        environment = self._mjml_environment(path)
        if environment is None:
            return self._mjml.to_html(self._output.of(self._mjml.plain, path, names), path)
        try:
            return self._output.of(environment, path, names)
        except TemplateError:
            self._output.of(self._mjml.plain, path, names)  # fails as well, and knows the line
            raise

    def _mjml_environment(self, path: str) -> Environment | None:
        try:
            return self._mjml.environment_for(path)
        except TemplateError:
            raise
        except Exception as error:  # noqa: BLE001 - as for any other template
            raise_for_people(error, path)


def _check_size(made: str | None, what: str) -> None:
    """What the template wrote is bounded already; what is made of it is many times as long at times."""
    if made is not None and len(made) > MAX_OUTPUT:
        raise TemplateRenderError(f"{what} is over {MAX_OUTPUT:,} characters")


def _content_of(parts: Parts, template: str) -> Content:
    if any(len(part) > MAX_OUTPUT for part in parts if part is not None):
        raise TemplateRenderError(f"template {template!r}: a part has over {MAX_OUTPUT:,} characters")
    text = _text_of(parts.html, template) if parts.text is None else parts.text
    return Content(_one_line(parts.subject, template), text, parts.html)


def _text_of(html: str | None, template: str) -> str:
    if html is None:
        raise TemplateRenderError(
            f"template {template!r} needs text.txt.j2, or one of {', '.join(HTML_PARTS)} to make the text from"
        )
    text = text_alternative(html)
    if not text:
        raise TemplateRenderError(
            f"template {template!r}: there is nothing to read in its html; give its images an alt, or write text.txt.j2"
        )
    return text


def _one_line(subject: str, template: str) -> str:
    """A subject is one line: line breaks and runs of blanks become one blank."""
    line = " ".join(subject.split())
    if not line:
        raise TemplateRenderError(f"template {template!r}: the subject is empty")
    if len(line) > MAX_SUBJECT:
        raise TemplateRenderError(f"template {template!r}: the subject has {len(line)} characters")
    return line
