"""What a catching server says at each phase: its usual words, unless the script has others."""

from __future__ import annotations

from notifier.errors import Phase
from notifier.testing.peer import Peer
from notifier.testing.script import Action, Script, Step


class Ended(Exception):
    """The server closes the connection here."""


class Replies:
    """The server's voice on one connection. Every method raises `Ended` where the script, or a 421, ends it."""

    def __init__(self, peer: Peer, script: Script) -> None:
        self._peer = peer
        self._script = script

    def say(self, reply: str) -> None:
        """This reply, whatever the script has."""
        self._peer.write(reply.encode() + b"\r\n")
        if reply.startswith("421"):
            raise Ended

    def answer(self, phase: Phase, usual: str) -> bool:
        """Reply at ``phase``; True where the reply was positive and the command has its effect."""
        step = self._script.for_phase(phase)
        self._wait(step)
        reply = self._spoken(step) or usual
        self.say(reply)
        return is_positive(reply)

    def for_recipient(self, path: str) -> str | None:
        """The script's own reply to RCPT for this path."""
        return self._script.for_recipient(path)

    def body_begins(self) -> bool:
        """What is due as soon as there are octets of a message; True where the verdict was given with it."""
        step = self._script.for_phase(Phase.BODY)
        if step == Step():
            return False
        self._peer.await_octets()
        self._wait(step)
        reply = self._spoken(step)
        if reply is not None:
            self.say(reply)
        return reply is not None

    def final_step(self) -> Step:
        """What is due at the end of a message, to be looked at before it is kept."""
        step = self._script.for_phase(Phase.FINAL_REPLY)
        if step.action is not Action.LOSE_REPLY:
            self._spoken(step)
        return step

    def final_reply(self, step: Step, usual: str) -> None:
        """The reply to a message that is kept or refused by now."""
        self._wait(step)
        self.say(self._spoken(step) or usual)

    def _wait(self, step: Step) -> None:
        if step.released is not None:
            self._peer.hold(step.released)
        if step.delay:
            self._peer.pause(step.delay)

    def _spoken(self, step: Step) -> str | None:
        """The reply of a step, if it has one; its action is done."""
        if not isinstance(step.action, Action):
            return step.action
        if step.action is Action.STALL:
            self._peer.pause(None)
        if step.action is Action.RESET:
            self._peer.reset()
        raise Ended


def is_positive(reply: str) -> bool:
    """2xx, or 3xx where there is more to come."""
    return reply[0] in "23"
