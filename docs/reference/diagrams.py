"""The two state diagrams: of a session, from the core's dialogues and tables; of a mail, from the ledger's edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docs.reference.dialogues import COMMIT, DEAD, READY, TLS, Answer, Edge, edges
from docs.reference.svg import Box, arc, arrow, page, text
from notifier.errors import ErrorClass, Phase
from notifier.model.state import DEAD as DEAD_LETTERS
from notifier.model.state import EDGES, ENDED, EVIDENCE, MailState
from notifier.protocol.taxonomy import LOSSES, ROWS, RULES

COLOURS = {
    ErrorClass.TRANSIENT: "#8a6100",
    ErrorClass.PERMANENT: "#444444",
    ErrorClass.MISCONFIGURED: "#1f5fa8",
    ErrorClass.UNKNOWN: "#b00020",
}
_ROW = 46
_ORDER = (
    Phase.GREETING, Phase.EHLO, Phase.STARTTLS, TLS, Phase.AUTH, READY, Phase.RSET, Phase.MAIL, Phase.RCPT, Phase.DATA,
    Phase.BODY, COMMIT, Phase.FINAL_REPLY,
)  # fmt: skip
_SAID = {TLS: "TLS handshake", COMMIT: "ledger is told", READY: "ready", Phase.FINAL_REPLY: "final reply"}
_REFUSED = 400  # where the column of what a refusal means begins
_LOST = 610


def session() -> str:
    """What waits for which reply, and what comes next."""
    boxes = {name: _session_box(number, name) for number, name in enumerate(_ORDER)}
    drawn = sorted(_worth_drawing(edges()))
    ways = [_session_way(boxes, one, to, refused=refused) for one, to, refused in drawn]
    meanings = [line for name in _ORDER if name in set(Phase) for line in _meanings(Phase(name), boxes[name].y)]
    head = [
        text(boxes[READY].x, 26, "waits for the reply to", anchor="middle"),
        text(_REFUSED, 26, "a refusal is"),
        text(_LOST, 26, "a connection lost here is"),
    ]
    foot = len(_ORDER) * _ROW + 58
    key = [
        text(20, foot, "solid: a positive reply, or none is due. dashed: a refusal (4yz, 5yz) after which the session goes on."),
        text(20, foot + 18, "Every 421, every loss and every refusal without a dashed line ends the connection."),
    ]  # fmt: skip
    return page(830, foot + 34, "One SMTP session", [*head, *ways, *map(str, boxes.values()), *meanings, *key])


def _session_box(number: int, name: str) -> Box:
    y, said = 54 + number * _ROW, _SAID.get(name, name.upper())
    if name in {COMMIT, READY, TLS}:
        return Box(240, y, said, half_width=58, fill="#fff4d6", stroke="#8a6100")
    return Box(240, y, said, half_width=58)


def _worth_drawing(found: Iterable[Edge]) -> Iterator[tuple[str, str, bool]]:
    """Without the ends of connections; and what comes to the next mail is drawn to where the next mail begins."""
    known = set(found)
    refusals = {Answer.TRANSIENT, Answer.PERMANENT}
    for one, by, to in known:
        next_mail = to == Phase.MAIL and (one, by, READY) in known
        told_by_reset = to == READY and (one, by, Phase.RSET) in known
        if one and to != DEAD and not next_mail and not told_by_reset:
            yield one, to, by in refusals


def _session_way(boxes: dict[str, Box], one: str, to: str, *, refused: bool) -> str:
    distance = _ORDER.index(to) - _ORDER.index(one)
    if distance == 1 and not refused:
        return arrow(boxes[one], boxes[to], bend=0)
    out = 26 + 16 * abs(distance) + 14 * refused
    return arc(boxes[one], boxes[to], out, dashed=refused, colour="#777" if refused else "#444")


def _meanings(phase: Phase, y: float) -> Iterator[str]:
    refused = {ROWS[rule.row].error_class for rule in RULES if rule.phase is phase}
    lost = {ROWS[row].error_class for (at, _), row in LOSSES.items() if at is phase}
    for x, classes in ((_REFUSED, refused), (_LOST, lost)):
        ordered = [one for one in ErrorClass if one in classes]
        for number, one in enumerate(ordered):
            yield text(x + 100 * (number % 2), y - 3 + 15 * (number // 2), one, colour=COLOURS[one])


_PLACES = {
    MailState.SENT: (480, 40),
    MailState.WAITING: (110, 200),
    MailState.CLAIMED: (330, 135),
    MailState.AT_DOT: (570, 135),
    MailState.UNKNOWN: (820, 165),
    MailState.CANCELLED: (110, 350),
    MailState.EXPIRED: (270, 350),
    MailState.QUARANTINED: (440, 350),
    MailState.FAILED: (610, 350),
    MailState.PARKED: (820, 310),
    MailState.DISCARDED: (440, 440),
}


def mail() -> str:
    """The states of a mail in the ledger."""
    boxes = {state: _state_box(state) for state in MailState}
    proofs = [_mail_way(boxes, one, to, proof=True) for one in EVIDENCE for to in sorted(EVIDENCE[one])]
    ways = [_mail_way(boxes, one, to, proof=False) for one in EDGES for to in sorted(EDGES[one])]
    key = text(
        20,
        490,
        "solid: a step of the ledger. dashed: by proof alone, such as a final reply that reached the ledger late.",
    )
    return page(900, 505, "The states of a mail", [*proofs, *ways, *map(str, boxes.values()), key])


def _mail_way(boxes: dict[MailState, Box], one: MailState, to: MailState, *, proof: bool) -> str:
    colour = "#b3480f" if proof else "#444"
    if one is to:
        return arc(boxes[one], boxes[to], 40, colour=colour)
    return arrow(boxes[one], boxes[to], dashed=proof, colour=colour, bend=0.2 if proof else 0.1)


def _state_box(state: MailState) -> Box:
    x, y = _PLACES[state]
    if state in DEAD_LETTERS:
        return Box(x, y, state, fill="#fdecec", stroke="#b00020")
    return Box(x, y, state, fill="#e8f5e9", stroke="#2e7d32") if state in ENDED else Box(x, y, state)
