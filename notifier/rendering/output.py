"""The output of one template file: bounded in size, by its linked or its quick code where that can be, with errors for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from traceback import walk_tb
from typing import Any, NoReturn

from jinja2 import Environment, Template, TemplateSyntaxError, UndefinedError
from jinja2 import TemplateNotFound as MissingFile
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateError as JinjaError

from notifier.errors import TemplateError, TemplateRenderError
from notifier.rendering import undefined
from notifier.rendering.glances import Glances
from notifier.rendering.inlined_source import NotAtLoad
from notifier.rendering.linking.beside import beside
from notifier.rendering.linking.linker import Linker
from notifier.rendering.processor_limit import TooLong

MAX_OUTPUT = 10 * 2**20  # characters of one part
TOO_LONG = "it had not ended when its time of the processor was over; look for loops in loops"

# What a template's code raises of its own accord, so that Jinja2's own code raises it as well, and knows more of it. All else has no second
# time: it struck from outside, as a task's time limit does, or was about memory.
_OF_ITS_OWN = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError, JinjaError,
)  # fmt: skip


class Output:
    """Of the files of some environments. ``own_code``: also by code that is not Jinja2's own, which strangers' files are kept from.
    Safe to share between threads.
    """

    def __init__(self, glances: Glances, own_code: bool = True) -> None:
        self._glances = glances
        self._own_code = own_code
        self._linkers: dict[Environment, Linker] = {}
        self._given_up: dict[tuple[Environment, str], Template] = {}

    def of(self, environment: Environment, path: str, names: Mapping[str, Any]) -> str:
        """What the file makes of the names. Raises `TemplateError` with file and line, and `NotAtLoad`."""
        # Finalized, what is printed is not what its expressions are worth.
        if not self._own_code or environment.finalize is not None:
            return _output(environment, path, names)
        linker = self._linkers.get(environment) or self._linkers.setdefault(
            environment, Linker(environment, self._glances, aside=beside)
        )
        linked = linker.template(path)
        if linked is None:
            return self._quick(environment, linker.quick, path, names)
        output = _output_of_linked(linked, path, names)
        if output is None:
            output = _output(environment, path, names)
            linker.give_up(path, "linked, it raised what it does not raise")
        return output

    def _quick(self, environment: Environment, quick: Environment, path: str, names: Mapping[str, Any]) -> str:
        template = _compiled(quick, path)
        if template is None or self._given_up.get((quick, path)) is template:
            return _output(environment, path, names)
        output = _output_of_quick(template, path, names)
        if output is None:
            output = _output(environment, path, names)
            self._given_up[quick, path] = template
        return output


def _compiled(quick: Environment, path: str) -> Template | None:
    """None where it cannot be: Jinja2's own code is told why."""
    try:
        return quick.get_template(path)
    except _OF_ITS_OWN:
        return None
    except Exception as error:  # noqa: BLE001 - as above
        raise_for_people(error, path)


def _output_of_quick(template: Template, path: str, names: Mapping[str, Any]) -> str | None:
    """None where it raises what Jinja2's own code may raise as well."""
    try:
        return _bounded(template.generate(names), path)
    except (TemplateError, NotAtLoad):
        raise
    except _OF_ITS_OWN:
        return None
    except Exception as error:  # noqa: BLE001 - as above
        raise_for_people(error, path)


def _output_of_linked(template: Template, path: str, names: Mapping[str, Any]) -> str | None:
    """None where it raises: the plain template raises as well, and knows the file and the line."""
    try:
        # As `Template.generate`, without its care for tracebacks.
        return _bounded(template.root_render_func(template.new_context(dict(names))), path)
    except (TemplateError, NotAtLoad, MemoryError, TooLong):
        raise
    except _OF_ITS_OWN:
        return None
    except Exception as error:  # noqa: BLE001 - as above
        raise TemplateRenderError(f"{path}: {type(error).__name__} while rendering") from None


def _output(environment: Environment, path: str, names: Mapping[str, Any]) -> str:
    try:
        return _bounded(environment.get_template(path).generate(names), path)
    except (TemplateError, NotAtLoad):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a template does wrong is a template's error
        raise_for_people(error, path)


def _bounded(pieces: Iterable[str], path: str) -> str:
    output: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_OUTPUT:
            raise TemplateRenderError(f"{path}: the output is over {MAX_OUTPUT:,} characters")
        output.append(piece)
    return "".join(output)


def raise_for_people(error: Exception, path: str) -> NoReturn:
    """The error with template, file and line, without a value of the context."""
    place, line = _place(error, path)
    match error:
        case MissingFile():
            words = f"includes {error.name!r}, which is not there"
        case TemplateSyntaxError():
            words = f"syntax: {error.message}"
        case UndefinedError():
            words = f"{undefined.told(error)}; pass it in the context, or give it a default in the template"
        case SecurityError():
            words = str(error)
        case MemoryError():
            words = "it needs more memory than it may have"
        case TooLong():
            words = TOO_LONG
        case RecursionError():
            words = "it includes or calls itself without end"
        case _:
            words = f"{type(error).__name__} while rendering; look at the value that this line works on"
    raise TemplateRenderError(f"{place}, line {line}: {words}") from None


def _place(error: Exception, path: str) -> tuple[str, int]:
    if isinstance(error, TemplateSyntaxError):
        return error.name or path, error.lineno
    line, place = 0, path
    for frame, number in walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if filename.endswith(".j2"):
            place, line = "/".join(Path(filename).parts[-2:]), number
    return place, line
