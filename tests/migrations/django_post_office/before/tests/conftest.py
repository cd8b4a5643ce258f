import os
import socket
from email import message_from_bytes, policy

import django
import pytest
from aiosmtpd.controller import Controller


class Relay:
    """Keeps what it is given."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture(scope="session")
def relay():
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    os.environ["CLUB_RELAY"] = "127.0.0.1"
    os.environ["CLUB_RELAY_PORT"] = str(port)
    yield relay
    controller.stop()


@pytest.fixture(scope="session")
def site(relay, tmp_path_factory):
    os.environ["CLUB_FILES"] = str(tmp_path_factory.mktemp("files"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "club.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

    from club.mails import create_templates

    create_templates()


@pytest.fixture
def delivered(site, relay):
    """What the relay has, once everything that waits is sent."""
    relay.mails.clear()

    def deliver():
        from django.core.management import call_command

        call_command("send_queued_mail", processes=1, verbosity=0)
        return relay.mails

    return deliver
