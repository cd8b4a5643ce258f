"""What is asked of the intake for one message, and which words of a call are Celery's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from notifier.delivery.intake import Options
from notifier.errors import InvalidAddress, InvalidMail
from notifier.integrations.flask.composing import composed, recipients_of
from notifier.integrations.flask.mailboxes import Mailbox, each_once, mailbox
from notifier.integrations.flask.message import Message
from notifier.integrations.flask.refusals import MissingAddressError
from notifier.tasks.options import MADE_TRUE, mail_options

if TYPE_CHECKING:
    from notifier.integrations.flask.state import State

# Notifier says these by itself where the relay offers what they ask for.
_SAID_ANYHOW = ("BODY=", "SIZE=", "SMTPUTF8")


def request_of(message: Message, envelope_from: Mailbox | None, state: State) -> dict[str, Any]:
    """The arguments of `notifier.send_message`. Raises an `InvalidMail` that says what is wrong."""
    recipients = each_once(recipients_of(message))
    if not recipients:
        raise MissingAddressError("the message has no recipients")
    if not message.sender:
        raise MissingAddressError("the message has no sender, and MAIL_DEFAULT_SENDER is not set")
    for name, options in (("mail_options", message.mail_options), ("rcpt_options", message.rcpt_options)):
        _check_options(name, options or ())
    return {
        "message": _octets(message, state),
        "from_addr": _reverse_path(envelope_from or message.sender),
        "to_addrs": list(recipients),
    }


def options_of(given: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """Celery's options as they stand for a mail, and the other arguments. Raises `UnsupportedOption`."""
    options = mail_options({name: value for name, value in given.items() if name in MADE_TRUE})
    return options, {name: value for name, value in given.items() if name not in MADE_TRUE}


def with_mailboxes(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of `notifier.send_email` whose mailboxes may be pairs: the sender, and what stands in a list. Raises `InvalidAddress`."""
    found = dict(call)
    if isinstance(call.get("sender"), tuple):
        found["sender"] = mailbox(call["sender"])
    for name in ("to", "cc", "bcc", "reply_to"):  # a tuple there is two addresses
        if isinstance(call.get(name), list):
            found[name] = [mailbox(one) if isinstance(one, tuple) else one for one in call[name]]
    return found


def _octets(message: Message, state: State) -> bytes:
    """What ``as_bytes`` of a class of the application's own says: it may sign or encrypt."""
    if isinstance(message, Message) and type(message).as_bytes is not Message.as_bytes:
        return message.as_bytes()
    return composed(message, ascii_names=state.ascii_attachments)


def _reverse_path(sender: Mailbox) -> object:
    try:
        return mailbox(sender)
    except InvalidAddress as error:
        raise InvalidAddress(f"envelope_from: {error}") from error


def _check_options(name: str, options: object) -> None:
    if isinstance(options, str | bytes) or not isinstance(options, Iterable):
        raise InvalidMail(f"{name} is a list of text, not {type(options).__name__}")
    for option in options:
        if not isinstance(option, str) or not option.upper().startswith(_SAID_ANYHOW):
            raise InvalidMail(
                f"{name} cannot say {option!r}: the mail goes out later, by any relay of the settings. "
                "Notifier says BODY, SIZE and SMTPUTF8 by itself"
            )
