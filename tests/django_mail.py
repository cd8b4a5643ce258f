"""Django in this process, for tests of its backends: whatever version is there, and whoever has configured it before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from typing import Any

import django
from django.conf import settings

if not settings.configured:
    settings.configure(USE_TZ=True)
if not settings.is_overridden("SECRET_KEY"):
    settings.SECRET_KEY = "Django's log of errors asks for one"
django.setup()

from django.core import mail  # noqa: E402 - it wants to be configured
from django.test.utils import override_settings  # noqa: E402

from notifier.tasks.runtime import render_others_by  # noqa: E402 - beside the others

MAILERS = django.VERSION >= (6, 1)
OURS = "notifier.integrations.django"


@contextmanager
def default_mailer(backend: str = "EmailBackend", **options: Any) -> Iterator[None]:
    """What `send_mail` and `EmailMessage.send` go through. Before Django 6.1 it has no options."""
    path = f"{OURS}.{backend}"
    chosen = {"MAILERS": {"default": {"BACKEND": path, "OPTIONS": options}}} if MAILERS else {"EMAIL_BACKEND": path}
    with override_settings(**chosen):
        yield


def connection(backend: str = "EmailBackend", **options: Any) -> Any:
    """A backend as Django makes it, with these options."""
    path = f"{OURS}.{backend}"
    if not MAILERS:
        return mail.get_connection(path, **options)
    with override_settings(MAILERS={"default": {}, "other": {"BACKEND": path, "OPTIONS": options}}):
        return mail.mailers["other"]


@contextmanager
def installed() -> Iterator[None]:
    """The app in INSTALLED_APPS; what it tells the process is taken back."""
    try:
        with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, OURS]):
            yield
    finally:
        render_others_by(None)


def shape(octets: bytes) -> list[tuple[object, ...]]:
    """What a reader gets to see: each part's type, name and contents, line ends as one."""
    found = message_from_bytes(octets, policy=policy.default, _class=Parsed)
    return [_part(part) for part in found.walk()]


def _part(part: Any) -> tuple[object, ...]:
    names = (part.get_content_type(), part.get_content_disposition(), part.get_filename(), part["Content-ID"])
    if part.is_multipart():
        return names
    payload = part.get_payload(decode=True)
    if part.get_content_maintype() != "text":
        return *names, payload
    text = payload.decode(part.get_content_charset("ascii"))
    # The last line end belongs to the boundary behind it, or to SMTP (RFC 2046 section 5.1.1, RFC 5321 section 4.1.1.4).
    return *names, text.replace("\r\n", "\n").removesuffix("\n")
