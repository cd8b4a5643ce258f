"""Settings that work, and that no production should have: what `notifier check --production` looks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from notifier.model.mail_class import Durability
from notifier.settings.tree import Settings
from notifier.smtp import Timeouts

Looked = TypeVar("Looked")
# RFC 2606, RFC 6761, RFC 6762: nobody's, and what a laptop calls itself.
NOBODYS_DOMAINS = ("example", "test", "invalid", "localhost", "localdomain", "local", "internal")
EXAMPLES = ("example.com", "example.net", "example.org")


@dataclass(frozen=True, slots=True)
class Trap(Generic[Looked]):
    """``look`` says what is so, in a sentence, or None; ``advice`` what to do then."""

    name: str
    look: Callable[[Looked], str | None]
    advice: str


def _memory_broker(found: Settings) -> str | None:
    if found.broker_url.reveal().partition("://")[0] == "memory":
        return "NOTIFIER_BROKER_URL is memory://, which no other process sees: no worker would hear a bell"
    return None


def _from(found: Settings) -> str | None:
    domain = found.sender.domain.lower()
    examples = (domain == one or domain.endswith(f".{one}") for one in EXAMPLES)
    if any(examples) or domain.rpartition(".")[2] in NOBODYS_DOMAINS:
        return f"NOTIFIER_FROM is of {domain}, a domain that nobody can answer to: receivers refuse it, or take it for spam"
    return None


def _final_reply(found: Settings) -> str | None:
    usual = Timeouts().final_reply
    for one in found.endpoints:
        if one.timeouts.final_reply < usual:
            return (
                f"timeout_final_reply of {one.name} is {one.timeouts.final_reply:g} s: a relay that delivers before it answers "
                "takes longer, and such mails would be unknown (RFC 5321 section 4.5.3.2.6, RFC 1047)"
            )
    return None


def _durability(found: Settings) -> str | None:
    loose = [name for name, one in found.classes.items() if one.durability is Durability.MEMORY]
    if found.durability == Durability.MEMORY:
        return "NOTIFIER_DURABILITY is memory: a restart of the store may lose every waiting mail"
    return (
        f"mails of class {loose[0]!r} have the durability memory: a restart of the store may lose them"
        if loose
        else None
    )


def _retry_scale(found: Settings) -> str | None:
    if found.retry_scale != 1.0:
        return f"NOTIFIER_RETRY_SCALE is {found.retry_scale:g}: relays are tried again too soon or too late"
    return None


TRAPS: tuple[Trap[Settings], ...] = (
    Trap("memory broker", _memory_broker, "name the Redis, Valkey or RabbitMQ that the workers listen to"),
    Trap("sender of nobody", _from, "set NOTIFIER_FROM to an address of your own domain"),
    Trap("short final reply", _final_reply, "leave timeout_final_reply out of NOTIFIER_SMTP_URL"),
    Trap("durability of memory", _durability, "set fsync, or aof if the last second may be lost"),
    Trap("scaled retries", _retry_scale, "leave NOTIFIER_RETRY_SCALE out: it is for demos and tests"),
)
