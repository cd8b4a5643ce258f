"""A package's files in another place than the one compiled into them."""

from __future__ import annotations

import shutil
from pathlib import Path


def relocate(source: Path, compiled_in: str, folder: Path) -> Path:
    """Copy ``source`` into ``folder``, and make it its own idea of where it is; returns the copy.

    A path inside a binary can be replaced by one of the same length only; slashes fill it up. ``folder`` is short
    enough when its name is no longer than the one compiled in. Raises `ValueError` where it is not.
    """
    if len(str(folder)) > len(compiled_in):
        raise ValueError(f"{folder} has no room where {compiled_in} is compiled in")
    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
    own_idea = str(folder).encode().ljust(len(compiled_in), b"/")
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.write_bytes(file.read_bytes().replace(compiled_in.encode(), own_idea))
    return folder
