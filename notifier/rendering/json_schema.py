"""A context against a JSON Schema, by the library ``jsonschema``, which is an extra.

Its own messages hold the value that does not fit; ours are made of the schema alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from notifier.model.nearest import nearest
from notifier.rendering.fitting import fitting
from notifier.rendering.mismatch import BadSchema, Checker, Mismatch, MissingExtra

_ValidationError: TypeAlias = Any  # jsonschema's: whether it is installed is not known here
MAX_SHOWN = 200  # characters of a schema in an error


def json_schema(schema: Mapping[str, Any]) -> Checker:
    """The checker of a schema. Formats are checked that need no further package. Raises `BadSchema`."""
    validator = _validator(schema)
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - an extra
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - an extra
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - comes with it

    surely_fits = fitting(schema) if type(validator) is Draft202012Validator else None

    def check(context: Mapping[str, Any]) -> None:
        if surely_fits is not None and surely_fits(context):
            return
        try:
            error = best_match(validator.iter_errors(context))
        except Unresolvable as unresolved:
            raise BadSchema(f"refers to {unresolved.ref!r}, which is not in it; nothing is fetched") from None
        except RecursionError:
            raise BadSchema("refers to itself without end") from None
        except ArithmeticError:  # a number beyond what a float holds, under multipleOf
            raise Mismatch("context holds a number that the schema cannot be held against") from None
        if error is not None:
            raise _mismatch(error)

    return check


def _validator(schema: Mapping[str, Any]) -> Any:
    try:
        from jsonschema import Draft202012Validator, SchemaError, validators  # noqa: PLC0415 - an extra
        from referencing import Registry  # noqa: PLC0415 - comes with it
    except ImportError:
        raise MissingExtra("is a JSON Schema, which needs: pip install notifier-worker[schema]") from None
    kind = validators.validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except (SchemaError, RecursionError) as error:
        raise BadSchema(f"is no JSON Schema: {getattr(error, 'message', 'it is nested too deep')}"[:400]) from None
    # The default registry fetches what a $ref names from the network.
    return kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)


def _mismatch(error: _ValidationError) -> Mismatch:
    place = tuple(error.absolute_path)
    match error.validator:
        case "required":
            missing = next(key for key in error.validator_value if key not in error.instance)
            return Mismatch.at((*place, missing), "is missing")
        case "additionalProperties" | "unevaluatedProperties" if error.validator_value is False:
            return _unknown(error, place)
    return Mismatch.at(place, _expected(error))


def _unknown(error: _ValidationError, place: tuple[str | int, ...]) -> Mismatch:
    known = list(error.schema.get("properties", ())) if isinstance(error.schema, Mapping) else []
    patterns = list(error.schema.get("patternProperties", ())) if isinstance(error.schema, Mapping) else []
    extra = next(_not_among(error.instance, known, patterns), "")
    near = nearest(extra, known)
    return Mismatch.at((*place, extra), "is not in the schema" + (f"; did you mean {near!r}?" if near else ""))


def _not_among(instance: Mapping[str, Any], known: list[str], patterns: list[str]) -> Iterator[str]:
    yield from (key for key in instance if key not in known and not any(re.search(one, key) for one in patterns))


def _expected(error: _ValidationError) -> str:
    wanted = error.validator_value
    match error.validator:
        case "type":
            return f"is to be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"
        case "enum":
            return f"is to be one of {_short(wanted)}"
        case "format":
            return f"is to have the format {wanted}"
        case None:
            return "holds what the schema never allows"  # the library names no place here
    return f"does not fit {error.validator}: {_short(wanted)}"


def _short(wanted: object) -> str:
    text = json.dumps(wanted, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
