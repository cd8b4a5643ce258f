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
def server():
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    os.environ["SHOP_RELAY"] = "127.0.0.1"
    os.environ["SHOP_RELAY_PORT"] = str(port)
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings_for_tests"
    django.setup()
    yield relay
    controller.stop()


@pytest.fixture
def mails(server):
    server.mails.clear()
    return server.mails
