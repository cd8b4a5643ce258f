"""The brokers that the journey of a mail and its faults are tested with. The store is a Valkey with each of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from real_servers.rabbitmq import RabbitMQ

QUEUES = ("mail", "mail.bulk", "mail.urgent")


@dataclass(frozen=True)
class Broker:
    """``node`` is None where the store's own Valkey carries the bells too."""

    node: RabbitMQ | None = None

    def settings(self) -> dict[str, str]:
        """For a `workers.plant` whose queues are empty, whatever another test has left."""
        if self.node is None:
            return {}
        self.node.forget(*QUEUES)
        return {"NOTIFIER_BROKER_URL": self.node.url}


@pytest.fixture(scope="module", params=["Valkey", "RabbitMQ"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each test of a module that asks for it runs with each broker."""
    return Broker(request.getfixturevalue("rabbitmq") if request.param == "RabbitMQ" else None)
