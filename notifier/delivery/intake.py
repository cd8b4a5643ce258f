"""The call: what the application asked for becomes an `Email`, or is refused at once with nothing stored."""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from notifier.delivery.attachments import GivenFile, Sources, is_stored, read_attachment, stored_attachment
from notifier.delivery.context import checked_context
from notifier.errors import InvalidAddress, InvalidMail, MailTooLarge, TemplateNotFound
from notifier.mime import check_headers, read_calendar
from notifier.model.address import Address
from notifier.model.email import AttachmentRef, Email, MessageRef
from notifier.model.ids import new_mail_id
from notifier.model.mail_class import MailClass
from notifier.model.octets import Source
from notifier.model.template import MailDefaults
from notifier.model.tenant import DEFAULT, Tenants

if TYPE_CHECKING:
    from notifier.delivery.own_message import OwnMessage

MAX_KEY = 256  # characters of an idempotency key
MAX_RECIPIENTS = 1000  # of one mail: To, Cc and Bcc together
MAX_ATTACHMENTS = 100
USUAL_CLASS = "transactional"
_OTHER_FIELDS = 2048  # octets of the JSON that names the fields, with times, ids and a class

_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}\Z")

Addresses = str | Address | Sequence[str | Address] | None


@dataclass(frozen=True, slots=True)
class Options:
    """What a call says beside the mail itself. Times are seconds since the epoch; None leaves it to the class."""

    mail_id: str | None = None
    queue: str | None = None
    send_at: float | None = None
    expires_at: float | None = None
    by_name: bool = False  # it came through the broker with its payload: whoever can publish there reads no file here


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail that passed every check, with the octets of its attachments by blob name (sha256, hex)."""

    email: Email
    blobs: Mapping[str, bytes | Source] = field(repr=False)


class Intake:
    """Checks calls. ``template_known(name)`` raises `TemplateNotFound`; ``max_bytes`` counts a whole mail, octets;
    ``sender`` is used where neither a call nor its template (``defaults(name)``) names one.
    """

    def __init__(
        self,
        *,
        template_known: Callable[[str], None],
        classes: Mapping[str, MailClass],
        tenants: Tenants,
        sender: Address,
        max_bytes: int,
        blob_name: Callable[[bytes | Source], str],
        sources: Sources = Sources(),  # noqa: B008 - frozen
        defaults: Callable[[str], MailDefaults] = lambda _: MailDefaults(),
        check_context: Callable[[Email], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._template_known = template_known
        self._classes = classes
        self._tenants = tenants
        self._sender = sender
        self._max_bytes = max_bytes
        self._blob_name = blob_name
        self._sources = sources
        self._defaults = defaults
        self._check_context = check_context
        self._clock = clock

    def accept(
        self,
        *,
        template: str,
        to: Addresses,
        context: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        sender: str | Address | None = None,
        cc: Addresses = None,
        bcc: Addresses = None,
        reply_to: Addresses = None,
        headers: Mapping[str, str] | None = None,
        attachments: Iterable[object] = (),
        calendar: object = None,
        locale: str | None = None,
        mail_class: str | None = None,
        tenant: str = DEFAULT,
        options: Options = Options(),
    ) -> Accepted:
        """The mail that the call asks for. Raises an `InvalidMail` or `TemplateNotFound` that says what is wrong."""
        self._check_template(template)
        defaults = self._defaults(template)
        chosen = self._checked_class(defaults.mail_class or USUAL_CLASS if mail_class is None else mail_class)
        self.check_tenant(tenant)
        files, blobs = self._read_all(attachments, tenant, options)
        mail_id = _checked_id(options.mail_id) if options.mail_id else new_mail_id()
        if headers:
            check_headers(headers)
        email = Email(
            id=mail_id,
            template=template,
            to=_addresses("to", to),
            cc=_addresses("cc", cc),
            bcc=_addresses("bcc", bcc),
            reply_to=_addresses("reply_to", reply_to) if reply_to is not None else defaults.reply_to,
            sender=Address.parse(sender) if sender is not None else defaults.sender,
            context=checked_context(context if context is not None else {}),
            idempotency_key=mail_id if idempotency_key is None else _checked_key(idempotency_key),
            created_at=_whole_milliseconds(self._clock()),
            headers=dict(headers or {}),
            attachments=files,
            calendar=None if calendar is None else read_calendar(calendar),
            locale=_checked_locale(locale),
            mail_class=chosen.name,
            queue=_checked_queue(options.queue or chosen.queue),
            send_at=options.send_at,
            expires_at=options.expires_at,
            tenant=tenant,
        )
        return self._checked(email, blobs, [email.sender or self._sender])

    def accept_message(
        self,
        *,
        message: object,
        from_addr: str | Address | None = None,
        to_addrs: Addresses = None,
        idempotency_key: str | None = None,
        mail_class: str = "transactional",
        tenant: str = DEFAULT,
        options: Options = Options(),
    ) -> Accepted:
        """A mail that the application has composed itself. Raises an `InvalidMail` that says what is wrong."""
        # The standard library's e-mail policies, most of a megabyte, for whoever composes by himself.
        from notifier.delivery.own_message import read_own_message  # noqa: PLC0415

        self._checked_class(mail_class)
        own = read_own_message(
            message,
            _envelope_sender(from_addr),
            None if to_addrs is None else _addresses("to_addrs", to_addrs),
            limit=self._max_bytes,
        )
        return self.accept_composed(
            own, idempotency_key=idempotency_key, mail_class=mail_class, tenant=tenant, options=options
        )

    def accept_composed(
        self,
        own: OwnMessage,
        *,
        idempotency_key: str | None = None,
        mail_class: str = USUAL_CLASS,
        tenant: str = DEFAULT,
        options: Options = Options(),
    ) -> Accepted:
        """The same of a message that is known to be in order, for our own composer has written it."""
        chosen = self._checked_class(mail_class)
        blob = self._blob_name(own.data)
        mail_id = _checked_id(options.mail_id) if options.mail_id else new_mail_id()
        email = Email(
            id=mail_id,
            template="",
            to=own.recipients,
            sender=own.authors[0],
            context={},
            idempotency_key=mail_id if idempotency_key is None else _checked_key(idempotency_key),
            created_at=_whole_milliseconds(self._clock()),
            mail_class=chosen.name,
            queue=_checked_queue(options.queue or chosen.queue),
            send_at=options.send_at,
            expires_at=options.expires_at,
            tenant=tenant,
            message=MessageRef(blob, len(own.data), own.reverse_path, own.message_id),
        )
        return self._checked(email, {blob: own.data}, own.senders)

    def _checked(self, email: Email, blobs: Mapping[str, bytes | Source], senders: Iterable[Address]) -> Accepted:
        self._check_senders(email, senders)
        self._check_recipients(email)
        self._check_times(email)
        self._check_size(email)
        if email.message is None:
            self._check_context(email)
        return Accepted(email, blobs)

    def _check_template(self, template: object) -> None:
        if not isinstance(template, str):
            raise TemplateNotFound(f"a template is named by text, not {type(template).__name__}")
        self._template_known(template)

    def _checked_class(self, name: str) -> MailClass:
        if name not in self._classes:
            raise InvalidMail(f"unknown mail class {name!r}; known: {', '.join(sorted(self._classes))}")
        return self._classes[name]

    def _read_all(
        self, attachments: Iterable[object], tenant: str, options: Options
    ) -> tuple[tuple[AttachmentRef, ...], dict[str, bytes | Source]]:
        """What the mail refers to, and the octets that have to be stored for that."""
        if isinstance(attachments, Mapping | str | bytes):
            raise InvalidMail("attachments is a list of attachments")
        refs: list[AttachmentRef] = []
        blobs: dict[str, bytes | Source] = {}
        for given in attachments:
            if len(refs) == MAX_ATTACHMENTS:
                raise InvalidMail(f"more than {MAX_ATTACHMENTS} attachments")
            if is_stored(given):
                refs.append(stored_attachment(given, tenant=tenant, sources=self._sources))
            else:
                file = self.read(given, allow_paths=not options.by_name)
                name = self._blob_name(file.data)
                refs.append(AttachmentRef(file.filename, file.content_type, name, len(file.data), file.inline))
                blobs[name] = file.data
        return tuple(refs), blobs

    def read(self, given: object, *, allow_paths: bool = True) -> GivenFile:
        """One attachment of a call. Raises `InvalidAttachment`, `MailTooLarge`."""
        return read_attachment(given, limit=self._max_bytes, allow_paths=allow_paths, sources=self._sources)

    def check_tenant(self, tenant: object) -> None:
        """Raises `InvalidMail` for one that there is not."""
        if not isinstance(tenant, str) or tenant not in self._tenants:
            raise InvalidMail(f"unknown tenant {tenant!r}; known: {', '.join(sorted(self._tenants))}")

    def _check_senders(self, email: Email, senders: Iterable[Address]) -> None:
        self.check_tenant(email.tenant)
        tenant = self._tenants[email.tenant]
        for sender in senders:
            if tenant.account_for(sender) is None:
                raise InvalidMail(
                    f"tenant {tenant.name!r} may not send as {sender.addr_spec}; it may send as {tenant.may_send_as} "
                    "(NOTIFIER_TENANTS)"
                )

    def _check_recipients(self, email: Email) -> None:
        if not email.to and not email.cc and not email.bcc:
            raise InvalidAddress("a mail needs at least one recipient in to, cc or bcc")
        cap = self._tenants[email.tenant].max_recipients
        limit = MAX_RECIPIENTS if cap is None else min(cap, MAX_RECIPIENTS)
        named = len(email.to) + len(email.cc) + len(email.bcc)  # some perhaps twice: those are counted where it matters
        if named > limit and len(email.recipients) > limit:
            whose = "" if limit == MAX_RECIPIENTS else f" for tenant {email.tenant!r} (NOTIFIER_TENANTS)"
            raise InvalidMail(
                f"{len(email.recipients)} recipients in one mail; the limit is {limit}{whose}. "
                "send_bulk makes one mail for each recipient"
            )

    def _check_times(self, email: Email) -> None:
        if email.expires_at is not None and email.expires_at <= max(email.created_at, email.send_at or 0.0):
            raise InvalidMail("the mail would expire before it may be sent; give a later expires, or an earlier eta")

    def _check_size(self, email: Email) -> None:
        cap = self._tenants[email.tenant].max_mail_bytes
        limit = self._max_bytes if cap is None else min(cap, self._max_bytes)
        if _is_surely_smaller(email, limit):
            return
        # Attachments travel as base64: four octets for three, and a line end for every 76.
        files = sum(ref.size for ref in email.attachments) * 4 // 3 * 78 // 76
        # A message of the application's own is all that goes out; of another mail it is what the record says, about.
        own = email.message.size if email.message else len(json.dumps(email.to_payload(), ensure_ascii=False).encode())
        size = files + own
        if size > limit:
            by = "NOTIFIER_MAX_MAIL_BYTES" if limit == self._max_bytes else f"tenant {email.tenant!r}, NOTIFIER_TENANTS"
            raise MailTooLarge(
                f"the mail has about {size:,} octets and the limit is {limit:,} ({by}); send a link to big files instead"
            )


def _is_surely_smaller(email: Email, limit: int) -> bool:
    """Without the JSON, which takes longer: that has at most six octets for a character of Python's own form."""
    if email.attachments or email.calendar or email.message:
        return False
    addresses = (*email.to, *email.cc, *email.bcc, *email.reply_to, *((email.sender,) if email.sender else ()))
    characters = sum(len(one.local_part) + len(one.domain) + len(one.display_name) + 8 for one in addresses)
    characters += len(email.template) + len(email.idempotency_key) + len(email.queue) + len(email.locale or "")
    characters += len(repr(email.context)) + len(repr(email.headers))
    return 6 * characters + _OTHER_FIELDS < limit


def _whole_milliseconds(seconds: float) -> float:
    """What the record can hold: a mail and its record that differ by a part of one name two seconds in the Date."""
    return math.floor(seconds * 1000) / 1000


def _addresses(name: str, given: Addresses) -> tuple[Address, ...]:
    """One address or a list of them; a single text is one address, never a comma-separated list."""
    if given is None:
        return ()
    many = [given] if isinstance(given, str | Address) else given
    if not isinstance(many, list | tuple):
        raise InvalidAddress(f"{name} is an address or a list of addresses, not {type(given).__name__}")
    try:
        return tuple(Address.parse(item) for item in many)
    except InvalidAddress as error:
        raise InvalidAddress(f"{name}: {error}") from error


def _envelope_sender(given: object) -> Address | Literal[""] | None:
    """Empty: the null sender. None: whom the message names."""
    return None if given is None else "" if given == "" else Address.parse(given)


def _checked_id(mail_id: str) -> str:
    try:
        return str(uuid.UUID(mail_id))
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidMail(f"task_id becomes the mail's id and must be a UUID, not {mail_id!r}") from error


def _checked_key(key: object) -> str:
    if not isinstance(key, str) or not key or len(key) > MAX_KEY or not key.isprintable():
        raise InvalidMail(f"an idempotency_key is printable text of 1 to {MAX_KEY} characters")
    return key


def _checked_locale(locale: str | None) -> str | None:
    if locale is not None and not (isinstance(locale, str) and locale.replace("-", "").replace("_", "").isalnum()):
        raise InvalidMail(f"locale is a language tag such as 'de' or 'pt-BR', not {locale!r}")
    return locale


def _checked_queue(queue: object) -> str:
    if not isinstance(queue, str) or not _QUEUE.match(queue):
        raise InvalidMail(
            f"a queue is named by letters, digits, dots and hyphens (such as 'mail.urgent'), not {queue!r}"
        )
    return queue
