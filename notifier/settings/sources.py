"""Where the texts of settings come from: the environment, or the file that ``NAME_FILE`` names (for secrets)."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from notifier.model.nearest import nearest

FILE_SUFFIX = "_FILE"
PREFIX = "NOTIFIER_"


def texts(
    environ: Mapping[str, str], known: Iterable[str], secret: Iterable[str], problems: list[str]
) -> dict[str, str]:
    """The text of every known setting that is given; what is wrong goes to ``problems``."""
    names, secrets = set(known), set(secret)
    found: dict[str, str] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        base = name.removesuffix(FILE_SUFFIX)
        if name in names:
            found[name] = value
        elif base in names and name.endswith(FILE_SUFFIX):
            if base in environ:
                problems.append(f"{base} and {name} are both set; keep one")
            elif (text := _from_file(name, value, base in secrets, problems)) is not None:
                found[base] = text
        else:
            problems.append(_unknown(name, names))
    for name, value in found.items():
        if not value.strip():
            problems.append(f"{name} is set and empty; give a value, or unset it")
    return {name: value for name, value in found.items() if value.strip()}


def files_of(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that settings are read from."""
    return tuple(
        Path(value) for name, value in environ.items() if name.startswith(PREFIX) and name.endswith(FILE_SUFFIX)
    )


def _unknown(name: str, names: set[str]) -> str:
    near = nearest(name, names)
    return f"{name} is no setting of Notifier" + (f"; did you mean {near}?" if near else "")


def _from_file(name: str, value: str, is_secret: bool, problems: list[str]) -> str | None:
    found: list[str] = []
    text = read_file(Path(value), secret=is_secret, problems=found)
    problems.extend(f"{name}: {problem}" for problem in found)
    return text


def read_file(path: Path, *, secret: bool, problems: list[str]) -> str | None:
    """The text of a file without its last line end; what is wrong with it goes to ``problems``."""
    try:
        if secret and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
            problems.append(f"{path} can be read by everybody; chmod o-r it, for it holds a secret")
            return None
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}")
        return None
    except UnicodeDecodeError:
        problems.append(f"{path} is not UTF-8")
        return None
    if text.startswith("\ufeff"):
        problems.append(f"{path} begins with a byte order mark; save it without one")
        return None
    return text.removesuffix("\n").removesuffix("\r")
