"""Every name and signature of the standard module, read from the standard module itself."""

from __future__ import annotations

import copy
import inspect
import pickle
import smtplib as standard
import subprocess
import sys
from collections.abc import Callable
from unittest import mock

import pytest

from notifier import smtp as ours
from notifier.smtp import dropin

OWN = {name: value for name, value in vars(standard).items() if not name.startswith("_")}
NAMES = sorted(
    name
    for name, value in OWN.items()
    if not inspect.ismodule(value) and getattr(value, "__module__", "smtplib") in ("smtplib", "builtins", None)
)
CLASSES = ("SMTP", "SMTP_SSL", "LMTP")
EXCEPTIONS = sorted(name for name in NAMES if isinstance(OWN[name], type) and issubclass(OWN[name], Exception))
OVERRIDDEN = {"_get_socket", "_print_debug", "_rset", "_host"}  # private, and subclasses of many programs use them
MEMBERS = sorted(
    (name, member)
    for name in CLASSES
    for member in dir(getattr(standard, name))
    if not member.startswith("_") or member in OVERRIDDEN or member in ("__init__", "__enter__", "__exit__")
)
METHODS = [(name, member) for name, member in MEMBERS if callable(getattr(getattr(standard, name), member))]


@pytest.mark.parametrize("name", NAMES)
def test_the_module_has_each_name(name: str) -> None:
    assert hasattr(ours, name)


@pytest.mark.parametrize("name", sorted(OWN.keys() - set(NAMES)))
def test_what_the_standard_module_imports_is_reached_through_ours_as_well(name: str) -> None:
    """``except smtplib.socket.error`` and its like stand in many a program."""
    assert getattr(ours, name) is OWN[name]


def test_that_holds_in_a_process_that_has_imported_nothing_else() -> None:
    program = "from notifier import smtp; smtp.socket.error; smtp.ssl.SSLError; smtp.email.utils.formatdate()"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_each_name_of_the_drop_in_is_reached_through_the_package() -> None:
    assert set(ours.__all__) >= set(dropin.__all__)
    assert all(hasattr(ours, name) for name in ours.__all__)
    assert all(getattr(ours, name) is getattr(dropin, name) for name in dropin.__all__)


def test_a_name_is_loaded_when_it_is_first_used() -> None:
    program = (
        "import sys; from notifier import smtp; assert 'notifier.smtp.dropin' not in sys.modules, 'a session needs none of it';"
        "first = smtp.SMTP; assert 'notifier.smtp.dropin' in sys.modules; assert smtp.SMTP is first"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_drop_in_is_reached_as_a_module_of_the_package() -> None:
    program = "import notifier.smtp; notifier.smtp.dropin.SMTP"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(("name", "home"), [("SMTP", "notifier.smtp.dropin"), ("Session", "notifier.smtp.session")])
def test_a_double_in_a_names_place_is_seen_and_does_not_stay(name: str, home: str) -> None:
    real = getattr(ours, name)
    for place in (home, "notifier.smtp"):
        with mock.patch(f"{place}.{name}", "double"):
            assert getattr(ours, name) == "double"
        assert getattr(ours, name) is real


def test_other_names_are_missing_in_the_usual_words() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sokcet'"):
        ours.sokcet  # noqa: B018


@pytest.mark.parametrize("name", [name for name in NAMES if isinstance(OWN[name], int | str | bytes)])
def test_each_constant_has_its_value(name: str) -> None:
    assert getattr(ours, name) == OWN[name]


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_each_class_has_each_member(name: str, member: str) -> None:
    assert hasattr(getattr(ours, name), member)


@pytest.mark.parametrize(("name", "member"), METHODS)
def test_each_call_that_is_right_for_the_standard_method_is_right_for_ours(name: str, member: str) -> None:
    theirs = inspect.signature(getattr(getattr(standard, name), member)).parameters
    mine = inspect.signature(getattr(getattr(ours, name), member)).parameters
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in theirs.values()) and member == "__exit__":
        return
    assert [one for one in mine if one in theirs] == list(theirs)
    for parameter in theirs.values():
        assert mine[parameter.name].default == parameter.default
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert mine[parameter.name].kind == parameter.kind


@pytest.mark.parametrize("name", [name for name, member in MEMBERS if member == "default_port"])
def test_each_class_has_its_port(name: str) -> None:
    assert getattr(ours, name).default_port == getattr(standard, name).default_port


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_stands_where_it_stood(name: str) -> None:
    def line(kind: type) -> list[str]:
        return [base.__name__ for base in kind.__mro__]

    assert line(getattr(ours, name)) == line(OWN[name])


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "SMTPSenderRefused": (550, b"no", "a@b.c"),
    "SMTPRecipientsRefused": ({"a@b.c": (550, b"no")},),
    "SMTPException": ("words",),
    "SMTPNotSupportedError": ("words",),
    "SMTPServerDisconnected": ("words",),
}


def face(error: OSError) -> tuple[object, ...]:
    """All that a program, or whoever reads its log, sees of an exception."""
    return (
        str(error),
        repr(error),
        error.args,
        vars(error),
        error.errno,
        error.strerror,
        error.filename,
        error.filename2,
    )


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_shows_what_it_showed(name: str) -> None:
    arguments = ARGUMENTS.get(name, (550, b"no"))
    assert face(getattr(ours, name)(*arguments)) == face(OWN[name](*arguments))


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_each_exception_is_itself_after_copying_and_pickling(name: str, again: Callable[[OSError], OSError]) -> None:
    error = getattr(ours, name)(*ARGUMENTS.get(name, (550, b"no")))
    assert type(again(error)) is type(error)
    assert face(again(error)) == face(error)


@pytest.mark.parametrize(
    "text",
    ["a@b.c", "<a@b.c>", "A <a@b.c>", '"A, B" <a@b.c>', "", "<>", "root", '"x y"@b.c', "  a@b.c ", "<a@b.c"],
)
def test_quoteaddr_does_what_it_did(text: str) -> None:
    assert ours.quoteaddr(text) == standard.quoteaddr(text)


@pytest.mark.parametrize("text", ["", ".", "a\n.b\n", "a\r.b\r\n..c", "..", "\n.\n", "a\r\n.\r\nb"])
def test_quotedata_does_what_it_did(text: str) -> None:
    assert ours.quotedata(text) == standard.quotedata(text)


def test_the_package_never_imports_the_standard_module() -> None:
    program = "import sys; from notifier import smtp; sys.exit('smtplib' in sys.modules or 'celery' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
