"""An access token in a file: what a worker has in place of a callable, for its settings are text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from notifier.model.secret import Secret
from notifier.settings.sources import read_file


@dataclass(frozen=True, slots=True)
class TokenFile:
    """Gives the token that is in the file now. Two of one path are the same, so that their relays share sessions."""

    path: str

    def __call__(self) -> Secret:
        """Raises `OSError` where it cannot be read; the text names the file and never what is in it."""
        problems: list[str] = []
        text = read_file(Path(self.path), secret=True, problems=problems)
        if text is None:
            raise OSError(problems[0])
        return Secret(text)

    def problems(self) -> list[str]:
        """What is wrong with the file now."""
        problems: list[str] = []
        read_file(Path(self.path), secret=True, problems=problems)
        return [f"names a file that does not do: {problem}" for problem in problems]
