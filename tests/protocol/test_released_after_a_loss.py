"""A call's mails are let go where the call ends, also where the connection was lost: no cycle of references waits for the collector."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Iterator

import pytest
from transcripts import JOINED, Scripted

from notifier.model.envelope import Envelope, MailObject
from notifier.protocol.dialogue import Loss, Lost, SendWhole
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link
from notifier.protocol.sending import sending
from notifier.protocol.transactions import transactions_for
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import HostileServer

BY_DATA = Extensions("relay", {"PIPELINING": ""})
WINDOW = Extensions("relay", {"PIPELINING": "", "CHUNKING": ""})


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class _Broken(Scripted):
    """The line breaks at the second flight of mails."""

    whole = 0

    def _do(self, step):  # type: ignore[no-untyped-def]
        if isinstance(step, SendWhole):
            self.whole += 1
            if self.whole == 2:
                raise Lost(Loss.CLOSED, "broken pipe", held_back=len(step.mails))
        return super()._do(step)


def _too_late(positions: tuple[int, ...]) -> None:
    if 2 in positions:
        raise Lost(Loss.TOO_LATE, "too late")


@pytest.mark.long
@pytest.mark.parametrize("how", ["no reply", "too late", "broken"])
@pytest.mark.parametrize(("offered", "window"), [(BY_DATA, 1), (WINDOW, 3)], ids=["DATA", "window"])
def test_mails_are_let_go_after_a_loss(offered: Extensions, window: int, how: str) -> None:
    mails = [MailObject(Envelope("s@x", ("r@x",)), b"x\r\n")] * 8
    one = [b"250 s\r\n", b"250 r\r\n", *([b"354 go\r\n"] if window == 1 else []), b"250 kept\r\n"]
    # By DATA the envelope of a fourth one is taken, and its final reply does not come.
    said = [*one * 3, *one[:-1]] if window == 1 else [*one, *[b"250 reset\r\n", *one] * 3]
    link = Link("r", offered, window=window)
    scripted = (_Broken if how == "broken" else Scripted)(
        iter([JOINED, *said]), Loss.CLOSED, _too_late if how == "too late" else None
    )
    scripted.connection.receive(b"220 hi\r\n")
    scripted.connection.next_reply()
    link.replies, link.out_of_step = scripted.connection.replies, bool
    scripted.mails, transactions = mails, transactions_for(mails, link)
    scripted.play(sending(transactions, link))
    assert len(scripted.decided) == 8
    kept = weakref.ref(transactions)
    del transactions
    assert kept() is None


def test_outcomes_of_a_window_can_be_copied_and_pickled() -> None:
    mails = [MailObject(Envelope("s@x.example", (f"r{number}@x.example",)), b"x\r\n") for number in range(6)]
    with HostileServer() as server:
        session = Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE, window=8, ehlo_name="c.example"))
        outcomes = list(session.send_many(mails))
        session.close()
    for outcome in outcomes:
        assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301
        assert copy.deepcopy(outcome) == outcome
