"""Asking those who may know what became of mails whose final reply nobody has read.

A slot asks, and not the sweeper: a provider that does not answer, or a log on a dead disk, hangs whoever looks. Each
source has its time, in a thread of its own; one that is still at its last question is not asked another.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from notifier.delivery.composer import message_id_of
from notifier.delivery.returning import Returning
from notifier.model.address import Address
from notifier.model.events import Listener, MailSettled
from notifier.model.proof import Answers, EvidenceSource, Inquiry, Proof
from notifier.model.state import MailState
from notifier.store.evidence import Proofs, Question, Verdict

log = logging.getLogger(__name__)

PORTION = 100  # mails that are asked after at once


class Asker:
    """One process's memory of whom it has asked. ``timeout``: seconds that a source has."""

    def __init__(self) -> None:
        self._asked: dict[str, threading.Thread] = {}

    def ask(self, name: str, source: EvidenceSource, asked: Sequence[Inquiry], timeout: float) -> Answers:
        """What the source knows; nothing where it raises, or does not say in time."""
        before = self._asked.get(name)
        if before is not None and before.is_alive():
            log.warning("%s has still not answered, and is not asked again yet", name)
            return {}
        answers: list[Answers] = []
        # A daemon: a source that hangs does not keep the process from its end.
        thread = threading.Thread(target=_asked, args=(name, source, asked, answers), name=name, daemon=True)
        self._asked[name] = thread
        thread.start()
        thread.join(timeout)
        if thread.is_alive():
            log.warning("%s has not answered within %.1f s, and mails go on waiting for proof", name, timeout)
        return answers[0] if answers else {}


def _asked(name: str, source: EvidenceSource, asked: Sequence[Inquiry], answers: list[Answers]) -> None:
    try:
        found = source(asked)
    except Exception as error:  # noqa: BLE001 - an application's own
        log.warning("%s could not say what became of %d mails: %s", name, len(asked), error)
    else:
        answers.append(found if isinstance(found, Mapping) else {})


def look_for_proof(
    queue: str,
    sources: Mapping[str, EvidenceSource],
    *,
    proofs: Proofs,
    asker: Asker,
    timeout: float,
    default_sender: Address,
    listener: Listener,
    returning: Returning = Returning(),  # noqa: B008 - frozen
) -> None:
    """Ask each source after the mails of a queue that wait for proof; the first that knows decides.

    Raises `StoreUnavailable`.
    """
    open_ones = {question.email.id: question for question in proofs.questions(queue, PORTION)}
    for name, source in sources.items():
        if not open_ones:
            return
        inquiries = [_inquiry(question, default_sender, returning) for question in open_ones.values()]
        answers = asker.ask(name, source, inquiries, timeout)
        for question, told in list(_told(name, open_ones, answers)):
            _take(question, told, name, proofs, listener)
            left = tuple(path for path in question.unknown if path not in told)
            open_ones[question.email.id] = question._replace(unknown=left)
            if not left:
                del open_ones[question.email.id]


def _inquiry(question: Question, default_sender: Address, returning: Returning) -> Inquiry:
    email = question.email
    message_id = message_id_of(email, default_sender)
    return Inquiry(email.id, message_id, returning.envelope_id(email), question.unknown, email.created_at)


def _told(
    name: str, open_ones: Mapping[str, Question], answers: Answers
) -> Iterator[tuple[Question, Mapping[str, Proof]]]:
    """What can be used of the answers."""
    for mail_id, question in open_ones.items():
        answer = answers.get(mail_id)
        if answer is None:
            continue
        by_path = answer if isinstance(answer, Mapping) else dict.fromkeys(question.unknown, answer)
        try:
            told = {path: Proof(by_path[path]) for path in question.unknown if path in by_path}
        except ValueError as error:
            log.warning("%s says of mail %s what is no proof: %s", name, mail_id, error)
            continue
        if told:
            yield question, told


def _take(question: Question, told: Mapping[str, Proof], name: str, proofs: Proofs, listener: Listener) -> None:
    email = question.email
    why = f"{name} says: {', '.join(sorted(set(told.values())))}"
    verdict, state = proofs.take(email.queue, email.id, told, why, fence=question.fence)
    if verdict is not Verdict.SETTLED or state is None:
        log.info("%s of mail %s, and it is %s by now", why, email.id, state or "gone")
        return
    log.info("%s of mail %s, which is %s now", why, email.id, state)
    if state is not MailState.UNKNOWN:
        listener(
            MailSettled(
                email.id,
                email.queue,
                state,
                question.attempt,
                time.time() - email.created_at,
                template=email.template,
                trace=email.trace,
            )
        )
