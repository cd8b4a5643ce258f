from __future__ import annotations

import pickle
import smtplib

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.message import BadHeaderError
from django_mail import MAILERS  # noqa: F401 - it sets Django up

from notifier import errors
from notifier.errors import ErrorClass, Fault, Phase, Scope, fault_error
from notifier.integrations.django.smtplib_errors import BadHeader, MailNotQueued, djangos_errors

P, T, M, U = ErrorClass.PERMANENT, ErrorClass.TRANSIENT, ErrorClass.MISCONFIGURED, ErrorClass.UNKNOWN


def raised(error: Exception) -> Exception:
    with pytest.raises(Exception) as caught, djangos_errors("from@example.com", ["to@example.com"]):  # noqa: PT011 - which is asked
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error_class", "phase", "kind"),
    [
        (T, Phase.CONNECT, smtplib.SMTPConnectError),
        (T, Phase.EHLO, smtplib.SMTPHeloError),
        (M, Phase.STARTTLS, smtplib.SMTPNotSupportedError),
        (M, Phase.AUTH, smtplib.SMTPAuthenticationError),
        (P, Phase.MAIL, smtplib.SMTPSenderRefused),
        (P, Phase.RCPT, smtplib.SMTPRecipientsRefused),
        (P, Phase.DATA, smtplib.SMTPDataError),
        (U, Phase.FINAL_REPLY, smtplib.SMTPDataError),
        (T, Phase.RSET, smtplib.SMTPException),
    ],
)
def test_a_relays_refusal_is_the_standard_modules_by_its_phase(
    error_class: ErrorClass, phase: Phase, kind: type[smtplib.SMTPException]
) -> None:
    error = fault_error(Fault("X", error_class, Scope.MESSAGE, phase, "5.7.1 no", code=550))
    found = raised(error)
    assert type(found) is kind
    assert found.__cause__ is error
    assert "5.7.1 no" in str(found)


def test_what_is_refused_names_whom() -> None:
    found = raised(fault_error(Fault("R7", P, Scope.RECIPIENT, Phase.RCPT, "no such user", code=550)))
    assert isinstance(found, smtplib.SMTPRecipientsRefused)
    assert found.recipients["to@example.com"][0] == 550
    found = raised(fault_error(Fault("M6", M, Scope.ACCOUNT, Phase.MAIL, "not you", code=553)))
    assert isinstance(found, smtplib.SMTPSenderRefused)
    assert found.sender == "from@example.com"


@pytest.mark.parametrize("error", [errors.BrokerUnavailable("b"), errors.StoreUnavailable("s")], ids=repr)
def test_what_is_away_is_an_smtp_exception_of_ours(error: errors.NotifierError) -> None:
    found = raised(error)
    assert isinstance(found, MailNotQueued)
    assert isinstance(found, smtplib.SMTPException)
    assert isinstance(found, errors.NotifierError)
    assert str(found) == str(error)


def test_a_header_is_djangos_and_ours() -> None:
    found = raised(errors.InvalidHeader("h"))
    assert isinstance(found, BadHeader)
    assert isinstance(found, BadHeaderError)
    assert isinstance(found, errors.InvalidMail)


def test_other_bad_input_stays_what_it_is() -> None:
    error = errors.InvalidAddress("a")
    assert raised(error) is error


def test_settings_and_pools_have_their_kinds() -> None:
    assert isinstance(raised(errors.ConfigurationError(["x"])), ImproperlyConfigured)
    assert isinstance(raised(errors.PoolTimeout("p")), smtplib.SMTPServerDisconnected)


@pytest.mark.parametrize("error", [BadHeader("h"), MailNotQueued("m")], ids=repr)
def test_they_pickle(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again)) == (type(error), str(error))
