from __future__ import annotations

import inspect
import pickle
import re

import pytest

from notifier import errors, smtp
from notifier.errors import (
    ConfigurationError,
    DeliveryError,
    ErrorClass,
    Fault,
    FenceRejected,
    IdempotencyConflict,
    MisconfiguredError,
    PermanentError,
    Phase,
    Scope,
    SMTPConnectError,
    SMTPException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    TransientError,
    UnknownOutcomeError,
    fault_error,
)

FAULTS = [
    Fault("X", error_class, scope, phase, "words", code=code, enhanced=None, host="relay:25")
    for error_class in ErrorClass
    for scope in Scope
    for phase in Phase
    for code in (None, 421)
]
AXIS = {
    ErrorClass.TRANSIENT: TransientError,
    ErrorClass.PERMANENT: PermanentError,
    ErrorClass.MISCONFIGURED: MisconfiguredError,
    ErrorClass.UNKNOWN: UnknownOutcomeError,
}


def test_every_fault_has_an_error_of_its_class_that_pickles() -> None:
    for fault in FAULTS:
        error = fault_error(fault)
        assert isinstance(error, AXIS[fault.error_class])
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own octets
        assert (type(again), again.fault, str(again)) == (type(error), fault, str(error))


def test_a_fault_survives_its_dictionary() -> None:
    for fault in FAULTS:
        assert Fault.from_dict(fault.to_dict()) == fault


def test_an_error_can_be_caught_by_what_to_do_and_by_where_it_happened() -> None:
    error = fault_error(Fault("C1", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "refused"))
    assert isinstance(error, TransientError)
    assert isinstance(error, SMTPConnectError)
    assert isinstance(error, OSError)
    assert error.taxonomy_id == "C1"


OPENING = (Phase.DNS, Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.STARTTLS, Phase.AUTH)


@pytest.mark.parametrize("phase", OPENING)
@pytest.mark.parametrize("error_class", [ErrorClass.TRANSIENT, ErrorClass.MISCONFIGURED])
@pytest.mark.parametrize("scope", Scope)
def test_whoever_catches_the_drop_ins_errors_catches_what_opening_a_session_raises(
    phase: Phase, error_class: ErrorClass, scope: Scope
) -> None:
    assert smtp.SMTPException is SMTPException
    for code in (None, 421):
        with pytest.raises(smtp.SMTPException):
            raise fault_error(Fault("X", error_class, scope, phase, "words", code=code))


def test_the_standard_modules_words_are_shown() -> None:
    """And not as an errno with its meaning."""
    error = SMTPSenderRefused(550, b"no", "a@b.c")
    assert (str(error), error.args, error.errno) == ("(550, b'no', 'a@b.c')", (550, b"no", "a@b.c"), None)


def test_a_lost_connection_is_a_disconnection() -> None:
    fault = Fault("Z5", ErrorClass.UNKNOWN, Scope.MESSAGE, Phase.FINAL_REPLY, "EOF")
    assert isinstance(fault_error(fault), SMTPServerDisconnected)


def test_the_standard_modules_attributes_are_there() -> None:
    fault = Fault("M6", ErrorClass.MISCONFIGURED, Scope.ACCOUNT, Phase.MAIL, "no", code=550)
    error = fault_error(fault)
    assert isinstance(error, SMTPSenderRefused)
    assert (error.smtp_code, error.smtp_error, error.sender) == (550, b"no", "")


@pytest.mark.parametrize(
    "error",
    [
        IdempotencyConflict("key", "id"),
        FenceRejected(["a", "b"]),
        ConfigurationError(["one", "two"]),
        SMTPSenderRefused(550, b"no", "a@b.c"),
        errors.SMTPRecipientsRefused({"a@b.c": (550, b"no")}),
    ],
)
def test_errors_with_arguments_pickle(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own octets
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_configuration_errors_list_every_problem() -> None:
    assert str(ConfigurationError(["one", "two"])) == "2 settings need attention:\n  - one\n  - two"


def test_the_tree_in_the_docstring_names_every_class() -> None:
    """The leaves of both axes are told in one sentence there."""
    drawn = set(re.findall(r"[A-Z][A-Za-z]+", errors.__doc__ or ""))
    classes = {
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, Exception) and value.__module__ == errors.__name__
    }
    leaves = {
        name
        for name in classes
        if issubclass(getattr(errors, name), DeliveryError) and issubclass(getattr(errors, name), SMTPException)
    }
    assert classes - leaves <= drawn
