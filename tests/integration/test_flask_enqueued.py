"""Mails of a Flask app, on the whole journey: stored at the call, sent by a real worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Flask
from half_open import PROMISED, half_open
from workers import Plant, plant, wait_until

import notifier
from notifier.delivery.intake import Accepted
from notifier.errors import (
    BrokerUnavailable,
    ConfigurationError,
    ContextMismatch,
    IdempotencyConflict,
    InvalidMail,
    MailTooLarge,
    PermanentRecipientsRefused,
    StoreUnavailable,
    TemplateNotFound,
    UnsupportedOption,
)
from notifier.integrations.flask import BadAddressError, Mail, Message, process
from notifier.integrations.flask import block as block_module
from notifier.model.state import MailState
from notifier.tasks.app import BROKER_TIMEOUT
from notifier.tasks.enqueue import enqueue
from notifier.tasks.runtime import runtime
from notifier.testing import EmbeddedValkey, Script

TO = ["zoe@example.com"]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().refuse(lambda recipient: recipient.startswith("nobody"))
    with plant(tmp_path_factory.mktemp("flask"), script) as made:
        made.start_worker()
        yield made
        process.release()


def settings_of(works: Plant) -> dict[str, str]:
    return {name: text for name, text in works.environ.items() if name.startswith("NOTIFIER_")}


@pytest.fixture
def app(works: Plant) -> Iterator[Flask]:
    process.release()
    app = Flask("shop")
    app.config.update(MAIL_DEFAULT_SENDER=("Shop", "shop@example.com"), **settings_of(works))
    with app.app_context():
        yield app


def caught(works: Plant, recipient: str) -> list[Any]:
    return [mail for mail in works.server.mailbox if recipient in mail.recipients]


def test_a_message_is_stored_at_the_call_and_sent_by_the_worker(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    message = Message("Grüße", ["one@example.com"], body="Hallo", html="<b>Hallo</b>", bcc=["unseen@example.com"])
    message.attach("für.csv", "text/csv", "ä,ö\n")
    with mail.record_messages() as outbox:
        result = mail.send(message)
    assert outbox == [message]
    assert notifier.status(result.id).state in set(MailState)
    assert result.get(timeout=30).state is MailState.SENT
    (sent,) = caught(works, "one@example.com")
    assert sent.recipients == ("one@example.com", "unseen@example.com")
    assert sent.reverse_path == "shop@example.com"
    assert (sent.subject, sent.message_id, b"unseen" in sent.data) == ("Grüße", message.msgId, False)


def test_a_mail_from_a_template_has_the_apps_sender(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    result = mail.send_email(template="welcome", to="two@example.com", context={"name": "Zoë"}, countdown=0.01)
    assert result.get(timeout=30).state is MailState.SENT
    (sent,) = caught(works, "two@example.com")
    assert (sent.message["From"], "Zoë" in sent.subject) == ("Shop <shop@example.com>", True)


def test_the_mailboxes_of_a_mail_from_a_template_may_be_pairs(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    call = {"template": "welcome", "context": {"name": "x"}, "reply_to": [("Help", "help@example.com")]}
    result = mail.send_email(to=[("Zoë", "pair@example.com")], sender=("Doe, Jane", "jane@example.com"), **call)
    assert result.get(timeout=30).state is MailState.SENT
    (sent,) = caught(works, "pair@example.com")
    assert (sent.message["To"], sent.message["From"]) == ("Zoë <pair@example.com>", '"Doe, Jane" <jane@example.com>')
    assert sent.message["Reply-To"] == "Help <help@example.com>"
    with pytest.raises(BadAddressError):
        mail.send_email(to=[("Zoë", "nobody")], **call)


def test_a_block_is_stored_in_one_step_at_its_end(works: Plant, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = Mail(app)
    sizes = counted_steps(monkeypatch)
    with mail.record_messages() as outbox, mail.connect() as connection:
        for number in range(5):
            connection.send(Message(str(number), [f"block-{number}@example.com"], body="x"))
        connection.send_email(template="welcome", to="block-5@example.com", context={"name": "x"})
        assert (sizes, outbox) == ([], [])
    assert sizes == [6]
    assert len(outbox) == 6
    wait_until(lambda: all(caught(works, f"block-{number}@example.com") for number in range(6)), "all six")


def counted_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many mails each step to the store takes along."""
    sizes: list[int] = []

    def counted(mails: Sequence[Accepted]) -> Any:
        sizes.append(len(mails))
        return enqueue(mails)

    monkeypatch.setattr(block_module, "enqueue", counted)
    return sizes


def test_a_block_of_many_goes_in_steps_of_the_mails_of_a_connection(
    works: Plant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["MAIL_MAX_EMAILS"] = 2
    mail = Mail(app)
    mail.send_message("first", ["steps@example.com"], body="x")
    sizes = counted_steps(monkeypatch)
    with mail.connect() as connection:
        for number in range(5):
            connection.send_message(str(number), ["steps@example.com"], body="x")
    assert sizes == [2, 2, 1]
    wait_until(lambda: len(caught(works, "steps@example.com")) == 6, "all six")


def test_what_was_sent_in_a_block_goes_out_though_a_later_message_is_refused(works: Plant, app: Flask) -> None:
    mail = Mail(app)

    def block() -> None:
        with mail.connect() as connection:
            connection.send_message("good", ["before@example.com"], body="x")
            connection.send_message("bad", ["no address"], body="x")

    with pytest.raises(BadAddressError):
        block()
    wait_until(lambda: len(caught(works, "before@example.com")) == 1, "the good one")


def test_a_block_of_much_is_not_kept_in_memory(works: Plant, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = Mail(app)
    sizes = counted_steps(monkeypatch)
    monkeypatch.setattr(block_module, "MOST_OCTETS", 10_000)
    with mail.connect() as connection:
        for number in range(5):
            connection.send_message(str(number), ["much@example.com"], body="x" * 4_000)
    assert sizes == [3, 2]


def test_a_step_that_fails_inside_a_block_is_the_error_of_one_call_and_loses_no_other_mail(
    works: Plant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs catch the error of one message, and go on with the next."""
    app.config["MAIL_MAX_EMAILS"] = 3
    mail = Mail(app)
    mail.send_message("first", ["warm@example.com"], body="x")
    away = [StoreUnavailable("away")]

    def once_away(mails: Sequence[Accepted]) -> Any:
        if away:
            raise away.pop()
        return enqueue(mails)

    monkeypatch.setattr(block_module, "enqueue", once_away)
    refused = []
    with mail.record_messages() as outbox, mail.connect() as connection:
        for number in range(5):
            try:
                connection.send_message(str(number), ["step@example.com"], body="x")
            except StoreUnavailable:
                refused.append(number)
    assert (refused, [message.subject for message in outbox]) == ([2], ["0", "1", "3", "4"])
    wait_until(lambda: len(caught(works, "step@example.com")) == 4, "all but the refused one")


def test_what_the_end_of_a_block_could_not_store_is_not_in_the_next_one(
    works: Plant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = Mail(app)
    connection = mail.connect()

    def away(mails: Sequence[Accepted]) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(block_module, "enqueue", away)
        with pytest.raises(StoreUnavailable), connection:
            connection.send_message("lost", TO, body="x")
        with pytest.raises(StoreUnavailable):
            connection.send_message("alone", TO, body="x")
    with mail.record_messages() as outbox, connection:
        connection.send_message("next", ["next-block@example.com"], body="x")
    assert [message.subject for message in outbox] == ["next"]


def test_threads_share_the_extension(works: Plant, app: Flask) -> None:
    mail = Mail(app)

    def send(number: int) -> None:
        with app.app_context(), mail.connect() as connection:
            for _ in range(5):
                connection.send_message(str(number), [f"thread-{number}@example.com"], body="x")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(8)))
    wait_until(lambda: all(len(caught(works, f"thread-{number}@example.com")) == 5 for number in range(8)), "all forty")


@pytest.mark.parametrize("in_a_block", [False, True])
def test_threads_that_share_a_connection_tell_of_each_mail_once_and_get_its_own_result(
    works: Plant, app: Flask, in_a_block: bool
) -> None:
    app.config["MAIL_MAX_EMAILS"] = 3
    mail = Mail(app)
    connection, results = mail.connect(), []

    def send(number: int) -> None:
        with app.app_context():
            results.extend(connection.send_message(str(number), ["shared@example.com"], body="x") for _ in range(20))

    block = connection if in_a_block else nullcontext()
    with mail.record_messages() as outbox:
        with block, ThreadPoolExecutor(8) as threads:
            list(threads.map(send, range(8)))
        assert sorted(message.subject for message in outbox) == sorted(
            str(number) for number in range(8) for _ in range(20)
        )
    if not in_a_block:
        assert len({result.id for result in results}) == 160


def test_a_key_that_is_taken_does_not_keep_the_others_of_its_block(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    welcome = {"template": "welcome", "to": "taken@example.com", "idempotency_key": "flask-2"}
    mail.send_email(**welcome, context={"name": "x"})

    def block() -> None:
        with mail.connect() as connection:
            connection.send_message("a", ["beside-1@example.com"], body="x")
            connection.send_email(**welcome, context={"name": "another"})
            connection.send_message("b", ["beside-2@example.com"], body="x")

    with mail.record_messages() as outbox, pytest.raises(IdempotencyConflict):
        block()
    assert [message.subject for message in outbox] == ["a", "b"]
    wait_until(
        lambda: len(caught(works, "beside-1@example.com")) == len(caught(works, "beside-2@example.com")) == 1, "two"
    )
    wait_until(lambda: len(caught(works, "taken@example.com")) == 1, "the first of the key")


def test_a_key_that_is_taken_is_told_at_the_end_of_a_block_of_many_steps(works: Plant, app: Flask) -> None:
    """In the middle it would be the error of a call whose own message was stored."""
    app.config["MAIL_MAX_EMAILS"] = 2
    mail = Mail(app)
    welcome = {"template": "welcome", "to": "taken-2@example.com", "idempotency_key": "flask-3"}
    mail.send_email(**welcome, context={"name": "x"})
    sent = []

    def block() -> None:
        with mail.connect() as connection:
            connection.send_email(**welcome, context={"name": "another"})
            for number in range(3):
                connection.send_message(str(number), ["steps-2@example.com"], body="x")
                sent.append(number)

    with mail.record_messages() as outbox, pytest.raises(IdempotencyConflict):
        block()
    assert (sent, [message.subject for message in outbox]) == ([0, 1, 2], ["0", "1", "2"])


def test_a_block_whose_store_goes_away_says_so_and_tells_nobody() -> None:
    process.release()
    app = Flask("shop")
    with EmbeddedValkey() as valkey, app.app_context():
        app.config["NOTIFIER_BROKER_URL"] = valkey.url
        mail = Mail(app)
        mail.send_message("before", TO, sender="shop@example.com", body="x")

        def block() -> None:
            with mail.connect() as connection:
                connection.send_message("in the block", TO, sender="shop@example.com", body="x")
                valkey.kill()

        with mail.record_messages() as outbox, pytest.raises((StoreUnavailable, BrokerUnavailable)):
            block()
        assert outbox == []
    process.release()


def test_a_key_makes_one_mail_of_two_calls(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    call = {"template": "welcome", "to": "key@example.com", "idempotency_key": "flask-1"}
    ids = {mail.send_email(**call, context={"name": "x"}).id for _ in range(2)}
    assert len(ids) == 1
    with pytest.raises(IdempotencyConflict):
        mail.send_email(**call, context={"name": "y"})


@pytest.mark.parametrize("suppressed", [False, True])
def test_what_is_wrong_is_refused_at_the_call_suppressed_or_not(
    app: Flask, suppressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["MAIL_SUPPRESS_SEND"] = suppressed
    app.config["NOTIFIER_MAX_MAIL_BYTES"] = 100_000
    mail = Mail(app)
    steps = counted_steps(monkeypatch)
    good = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (TemplateNotFound, {"template": "wellcome"}), (TemplateNotFound, {"template": "../welcome"}), (BadAddressError, {"to": "nobody"}),
        (BadAddressError, {"to": []}), (InvalidMail, {"contxt": {}}), (ContextMismatch, {"context": {"name": 7}}),
        (InvalidMail, {"context": {"name": object()}}), (InvalidMail, {"mail_class": "bulky"}), (InvalidMail, {"tenant": "nobody"}),
        (InvalidMail, {"headers": {"Bcc": "e@x.org"}}), (InvalidMail, {"attachments": [{"path": "/no/such/file"}]}),
    ]  # fmt: skip
    for error, changes in wrong:
        with pytest.raises(error):
            mail.send_email(**{**good, **changes})
    with pytest.raises(MailTooLarge):
        mail.send_message("big", TO, body="x" * 200_000)
    with pytest.raises(InvalidMail, match="tenant"):
        mail.send(Message("s", TO, body="x"), tenant="nobody")
    with pytest.raises(InvalidMail, match="no argument 'mail_clas'"):
        mail.send(Message("s", TO, body="x"), mail_clas="bulk")
    assert steps == []


def test_a_mail_may_go_at_once_and_raises_the_relays_word(works: Plant, app: Flask) -> None:
    app.config["MAIL_SEND_NOW"] = True
    mail = Mail(app)
    assert mail.send_message("now", ["now@example.com"], body="x") is None
    assert mail.send_email(template="welcome", to="now@example.com", context={"name": "x"}) is None
    assert len(caught(works, "now@example.com")) == 2
    with pytest.raises(UnsupportedOption, match="MAIL_SEND_NOW"):
        mail.send_email(template="welcome", to="now@example.com", context={"name": "x"}, countdown=60)
    with mail.record_messages() as outbox, pytest.raises(PermanentRecipientsRefused):
        mail.send_message("now", ["nobody@example.com"], body="x")
    assert outbox == []


def test_a_mail_goes_at_once_without_any_broker(works: Plant) -> None:
    process.release()
    app = Flask("shop")
    app.config.update(MAIL_SEND_NOW=True, NOTIFIER_SMTP_URL=works.server.url)
    with app.app_context():
        Mail(app).send_message("now", ["brokerless@example.com"], sender="shop@example.com", body="x")
    assert len(caught(works, "brokerless@example.com")) == 1


def test_without_a_broker_a_mail_that_is_enqueued_says_what_is_missing(works: Plant) -> None:
    process.release()
    app = Flask("shop")
    mail = Mail(app)
    with app.app_context(), pytest.raises(ConfigurationError, match="NOTIFIER_BROKER_URL is not set"):
        mail.send_message("s", TO, sender="shop@example.com", body="x")


def test_apps_with_the_same_settings_share_the_process_each_with_its_sender(works: Plant, app: Flask) -> None:
    first, other = Mail(app), Flask("other")
    other.config.update(settings_of(works), MAIL_DEFAULT_SENDER="other@example.com")
    second = Mail(other)
    first.send_email(template="welcome", to="first@example.com", context={"name": "x"})
    with other.app_context():
        second.send_email(template="welcome", to="second@example.com", context={"name": "x"})
        second.send_message("s", ["second@example.com"], body="x")
    wait_until(
        lambda: len(caught(works, "second@example.com")) == 2 and bool(caught(works, "first@example.com")), "all"
    )
    assert {mail.message["From"] for mail in caught(works, "second@example.com")} == {"other@example.com"}
    assert caught(works, "first@example.com")[0].message["From"] == "Shop <shop@example.com>"


def test_an_app_with_other_settings_is_told_which(works: Plant, app: Flask) -> None:
    Mail(app).send_message("s", TO, body="x")
    other = Flask("other")
    other.config.update(settings_of(works), NOTIFIER_SMTP_URL="smtp://user:hunter2@elsewhere.example")
    with (
        other.app_context(),
        pytest.raises(ConfigurationError, match=r"'shop' and 'other' .* NOTIFIER_SMTP_URL") as caught,
    ):
        Mail(other).send_message("s", TO, sender="other@example.com", body="x")
    assert "hunter2" not in str(caught.value)


def test_an_app_that_is_set_up_again_with_other_settings_is_told_so(works: Plant, app: Flask) -> None:
    mail = Mail(app)
    mail.send_message("s", ["again@example.com"], body="x")
    app.config["NOTIFIER_SMTP_URL"] = "smtp://elsewhere.example"
    mail.init_app(app)
    with pytest.raises(ConfigurationError, match=r"set up again.* NOTIFIER_SMTP_URL"):
        mail.send_message("s", TO, body="x")


def away(app: Flask) -> Exception:
    """What a call raises, by the timeouts of broker and store: `BROKER_TIMEOUT` and NOTIFIER_STORE_TIMEOUT."""
    process.release()
    mail = Mail(app)
    with mail.record_messages() as outbox, pytest.raises((BrokerUnavailable, StoreUnavailable)) as caught:
        mail.send_message("s", TO, sender="shop@example.com", body="x")
    assert outbox == []
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_a_broker_that_is_away_or_silent_is_an_error_of_the_call() -> None:
    app = Flask("shop")
    with half_open() as silent, app.app_context():
        app.config["NOTIFIER_BROKER_URL"] = f"redis://:hunter2@{silent.address}/0"
        assert isinstance(away(app), BrokerUnavailable)
        assert 0 < silent.tries() * BROKER_TIMEOUT <= PROMISED
    with app.app_context():
        assert isinstance(away(app), BrokerUnavailable)
    process.release()


def test_a_store_that_is_away_or_silent_is_an_error_of_the_call() -> None:
    app = Flask("shop")
    with EmbeddedValkey() as broker, half_open() as silent, app.app_context():
        app.config.update(NOTIFIER_BROKER_URL=broker.url, NOTIFIER_STORE_URL="redis://:hunter2@127.0.0.1:1/0")
        assert isinstance(away(app), StoreUnavailable)
        app.config["NOTIFIER_STORE_URL"] = f"redis://:hunter2@{silent.address}/0"
        assert isinstance(away(app), StoreUnavailable)
        assert 0 < silent.tries() * runtime().settings.store_timeout <= PROMISED
        process.release()
