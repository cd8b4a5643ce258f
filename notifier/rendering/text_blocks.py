"""Runs of text to lines: blanks collapse as a browser collapses them, blocks stand apart, quotes and lists are indented."""

from __future__ import annotations

import re

from notifier.rendering.text_width import GLUE, width, wrapped

BREAK = "\x1e"  # the line ends here
JOINT = "\x1d"  # a blank, where a letter follows
KEPT = "\x1c"  # a blank of preformatted text
MAX_LEVELS = 12  # of indentation: what is nested deeper would cost its depth with every line
_MIN_COLUMNS = 24
_LOOK = (
    64  # lines or pieces: links and headings that stand in each other without end are not to be read again and again
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u034f\u180e\u200b\u2060\ufeff]+")
_JOINERS = "\u200c\u200d"
_RUN = re.compile(rf"[ \t\n\f\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{_JOINERS}]+")
_JOINT_BEFORE_LETTER = re.compile(rf"{JOINT}(?=\w)")


def clean(text: str) -> str:
    """Without controls, which mark our own places, and without what only pads a preheader."""
    return _CONTROLS.sub("", text)


def collapsed(text: str) -> str:
    """One blank for each run of them, and no line's end at a single no-break space."""
    text = _JOINT_BEFORE_LETTER.sub(" ", _RUN.sub(_one, text)).replace(JOINT, "")
    return text.strip(" " + GLUE)


def _one(run: re.Match[str]) -> str:
    if run[0] == "\xa0":
        return GLUE
    if run[0].strip(_JOINERS):
        return " "
    return run[0] if len(run[0]) == 1 else ""  # joiners shape letters one at a time, and pad preheaders in crowds


class TextBlocks:
    """Takes inline text piece by piece; a block that ends becomes lines of at most ``columns``."""

    def __init__(self, columns: int) -> None:
        self.lines: list[str] = []
        self._columns = columns
        self._pieces: list[str] = []
        self._levels: list[tuple[str, str]] = []
        self._depth = 0
        self._untouched = 0  # levels that stood at the last line and still stand: a blank line is indented by these
        self._begun = 0  # levels whose first line is written
        self._blank = False

    def write(self, text: str) -> None:
        """Inline text; `clean` first what is not ours."""
        self._pieces.append(text)

    @property
    def mark(self) -> tuple[int, int]:
        """This place, for `since`."""
        return len(self.lines), len(self._pieces)

    def since(self, mark: tuple[int, int]) -> str:
        """The text behind that place as one line, or the beginning of it: a look of a bounded length."""
        lines, pieces = mark
        written = self.lines[lines : lines + _LOOK]
        pieces = 0 if written else pieces
        return " ".join([*written, collapsed("".join(self._pieces[pieces : pieces + _LOOK]))]).strip()

    def end_block(self, *, margin: bool = False) -> None:
        """Ends the line; with ``margin`` the next text stands behind a blank line."""
        text = "".join(self._pieces)
        self._pieces.clear()
        if collapsed(text.replace(BREAK, " ")):
            self._blank_line()
            self._put(text)
        self._blank = self._blank or margin

    def put_lines(self, lines: list[str]) -> None:
        """Lines as they are, a block of their own."""
        self._blank_line()
        for line in lines:
            self._line(line)

    def underline(self, mark: tuple[int, int], sign: str) -> None:
        """A rule as wide as the lines behind that place, the last few of them."""
        lines = self.lines[max(mark[0], len(self.lines) - _LOOK) :]
        indent = width(self._indent(len(self._levels)))
        if lines:
            self._line(sign * max(width(line) - indent for line in lines))

    def append(self, text: str) -> None:
        """To the line being written, or to the last one."""
        if self._pieces or not self.lines:
            self._pieces.append(text)
        else:
            self.lines[-1] += text.replace(GLUE, " ").replace(JOINT, "")

    def indent(self, first: str, rest: str) -> None:
        """One level more, until `outdent`."""
        self._depth += 1
        if self._depth <= MAX_LEVELS:
            self._levels.append((first, rest))

    def outdent(self) -> None:
        """One level less."""
        if self._depth <= MAX_LEVELS:
            self._levels.pop()
            self._untouched = min(self._untouched, len(self._levels))
            self._begun = min(self._begun, len(self._levels))
        self._depth -= 1

    @property
    def columns(self) -> int:
        """What the indentation leaves of a line."""
        return max(self._columns - width(self._indent(len(self._levels))), _MIN_COLUMNS)

    def _put(self, text: str) -> None:
        parts = [collapsed(part) for part in text.split(BREAK)]
        while not parts[-1]:
            parts.pop()
        empty = True  # so that breaks at the beginning, and more than two in a row, make no more than one blank line
        for part in parts:
            if part or not empty:
                for line in wrapped(part, self.columns):
                    self._line(line.replace(KEPT, " ").rstrip())
            empty = not part

    def _blank_line(self) -> None:
        if self._blank and self.lines:
            self.lines.append(self._indent(self._untouched).rstrip())
        self._blank = False

    def _line(self, line: str) -> None:
        starts = [first for first, _ in self._levels[self._begun :]]
        self.lines.append((self._indent(self._begun) + "".join(starts) + line).rstrip())
        self._begun = self._untouched = len(self._levels)

    def _indent(self, levels: int) -> str:
        return "".join(rest for _, rest in self._levels[:levels])
