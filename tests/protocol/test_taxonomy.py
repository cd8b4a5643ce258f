from __future__ import annotations

import pytest

from notifier.errors import ErrorClass, Phase
from notifier.protocol import taxonomy
from notifier.protocol.dialogue import Loss
from notifier.protocol.reply import Reply

REPLY_PHASES = sorted({rule.phase for rule in taxonomy.RULES})


def test_every_rule_and_every_loss_leads_to_a_row() -> None:
    assert {rule.row for rule in taxonomy.RULES} <= taxonomy.ROWS.keys()
    assert set(taxonomy.LOSSES.values()) <= taxonomy.ROWS.keys()


@pytest.mark.parametrize("phase", REPLY_PHASES)
def test_rule_g1_every_code_means_something_and_an_unknown_one_goes_by_its_first_digit(phase: Phase) -> None:
    for code in range(200, 600):
        fault = taxonomy.of_reply(phase, Reply(code, (b"",)), host="r")
        if code == 499 and phase is not Phase.RSET:
            assert fault.error_class is ErrorClass.TRANSIENT


def test_rule_g2_an_enhanced_code_of_another_class_is_not_used() -> None:
    fault = taxonomy.of_reply(Phase.RCPT, Reply(552, (b"4.2.2 liar",)), host="r")
    assert (fault.taxonomy_id, fault.enhanced) == ("R6", None)


@pytest.mark.parametrize("loss", Loss)
def test_rule_g6_after_the_dot_every_loss_is_unknown(loss: Loss) -> None:
    assert taxonomy.of_loss(Phase.FINAL_REPLY, loss, "x", host="r").error_class is ErrorClass.UNKNOWN


@pytest.mark.parametrize("phase", [p for p, _ in taxonomy.LOSSES if p is not Phase.FINAL_REPLY])
def test_rule_g6_before_the_dot_no_loss_is_unknown(phase: Phase) -> None:
    for loss in Loss:
        assert taxonomy.of_loss(phase, loss, "x", host="r").error_class is not ErrorClass.UNKNOWN


def test_the_servers_words_are_cleaned_and_capped() -> None:
    text = taxonomy.clean("5.1.1 \x1b[31mred\x1b[0m\r\nnext \u202eevil " + "x" * 1000)
    assert text.isprintable()
    assert len(text) == taxonomy.MAX_TEXT


@pytest.mark.parametrize(
    ("reply", "accepted", "row"),
    [
        (Reply(450, (b"4.2.1 busy",)), False, "R2"),
        (Reply(451, (b"4.7.1 greylisted",)), False, "R2"),
        (Reply(452, (b"4.2.2 full",)), True, "R5"),
        (Reply(452, (b"4.5.3 too many",)), False, "R3"),
        (Reply(452, (b"",)), True, "R3"),
        (Reply(452, (b"",)), False, "R5"),
        (Reply(552, (b"5.2.2 full",)), True, "R6"),
        (Reply(552, (b"",)), True, "R4"),
        (Reply(551, (b"moved",)), False, "R8"),
        (Reply(550, (b"5.1.1 no",)), False, "R7"),
        (Reply(550, (b"5.7.1 relay denied",)), False, "R9"),
        (Reply(550, (b"5.7.25 no reverse",)), False, "N7C"),
        (Reply(450, (b"4.7.28 flood",)), False, "N7"),
        (Reply(421, (b"bye",)), False, "R10"),
    ],
)
def test_rows_of_rcpt(reply: Reply, accepted: bool, row: str) -> None:
    assert taxonomy.of_reply(Phase.RCPT, reply, host="r", after_accepted=accepted).taxonomy_id == row
