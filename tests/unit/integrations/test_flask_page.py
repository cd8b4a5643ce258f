"""The page about Flask is what the code says, and its samples run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import flask_mail
import pytest

from notifier.integrations import flask as ours

TOP = Path(__file__).resolve().parents[3]
PAGE = (TOP / "docs" / "how-to" / "flask.md").read_text(encoding="utf-8")
ROOM = Path(ours.__file__).parent
# They are about the connection to the relay, which the call does not have.
NOT_HERE = {"Connection.configure_host", "Mail.init_mail"}


def test_the_samples_run_one_after_the_other() -> None:
    space: dict[str, Any] = {"__name__": "sample"}
    for sample in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(sample, space)  # noqa: S102 - our own page


def test_every_public_name_and_every_setting_is_told() -> None:
    assert [
        name
        for name in ours.__all__
        if f"`{name}`" not in PAGE and f"import {name}" not in PAGE and name not in ("Mail", "Message")
    ] == []
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOM.glob("*.py"))
    settings = set(re.findall(r'"(MAIL_[A-Z_]+)"', sources))
    assert len(settings) >= 12
    assert {name for name in settings if f"`{name}`" not in PAGE} == set()


def test_every_name_of_flask_mail_is_here() -> None:
    public = {
        name
        for name, value in vars(flask_mail).items()
        if getattr(value, "__module__", "") == "flask_mail" and name[0] != "_"
    }
    public |= {"signals", "email_dispatched"}
    assert public - set(ours.__all__) == set()
    for name in ("Attachment", "Connection", "Mail", "Message"):
        theirs, mine = getattr(flask_mail, name), getattr(ours, name)
        missing = {f"{name}.{method}" for method in dir(theirs) if method[0] != "_" and not hasattr(mine, method)}
        assert missing - NOT_HERE == set()


def test_without_flask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOM / "__init__.py").read_text(encoding="utf-8")
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(ImportError, match=r"notifier-worker\[flask\]"):
        exec(source, {"__name__": "again"})  # noqa: S102 - our own file
