from __future__ import annotations

from pathlib import Path

import pytest
from store_conformance import an_email

from notifier.errors import ConfigurationError, Phase, fault_error
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery
from notifier.protocol import taxonomy
from notifier.retry import DEFAULT_TABLE
from notifier.settings import Settings

LEAST = {"NOTIFIER_BROKER_URL": "redis://localhost:6379/0"}
GREYLISTED = fault_error(taxonomy.fault("R2", Phase.RCPT, "later"))
DOWN = fault_error(taxonomy.fault("C1", Phase.CONNECT, "refused"))
ODD = fault_error(taxonomy.fault("X4", Phase.DATA, "250?"))


class NoStock(Exception):
    """As an application's own."""


class NoStockAtAll(NoStock): ...


def load(folder: Path, text: str, **more: str) -> Settings:
    path = folder / "policies.toml"
    path.write_text(text)
    return Settings.load({**LEAST, "NOTIFIER_POLICIES": str(path), **more})


def problems(folder: Path, text: str, **more: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(folder, text, **more)
    return "\n".join(error.value.problems)


def ladder(settings: Settings, error: Exception, mail_class: str = "transactional") -> tuple[float, ...] | None:
    policy = settings.policies.table_of(mail_class).policy_for(error)
    return None if policy is None else policy.ladder


def test_without_the_file_there_is_what_is_shipped() -> None:
    settings = Settings.load(LEAST)
    assert list(settings.classes) == ["otp", "transactional", "report", "bulk"]
    assert settings.policies.table_of("bulk") == DEFAULT_TABLE


def test_a_class_of_ones_own_stands_beside_those_that_are_shipped(tmp_path: Path) -> None:
    settings = load(tmp_path, '[classes.newsletter]\ndelivery = "at_most_once"\ndeadline = "3d"\nqueue = "mail.bulk"\n')
    found = settings.classes["newsletter"]
    assert (found.delivery, found.deadline, found.queue) == (Delivery.AT_MOST_ONCE, 3 * 86400, "mail.bulk")
    assert "transactional" in settings.classes


def test_a_class_may_be_as_durable_as_it_wants_and_those_that_say_nothing_are_as_the_store(tmp_path: Path) -> None:
    classes = load(tmp_path, '[classes.bulk]\ndurability = "aof"\n[classes.x]\ndurability = "fsync"\n').classes
    assert (classes["bulk"].durability, classes["x"].durability) == ("aof", "fsync")
    assert (classes["otp"].durability, SHIPPED_CLASSES["bulk"].durability) == (None, None)


def test_a_class_that_looks_for_proof_waits_an_hour_and_is_parked_if_nothing_else_is_said(tmp_path: Path) -> None:
    found = load(tmp_path, '[classes.contract]\ndelivery = "evidence_first"\n').classes["contract"]
    assert (found.delivery, found.evidence_for, found.then) == (Delivery.EVIDENCE_FIRST, 3600, Delivery.AT_MOST_ONCE)
    text = '[classes.contract]\ndelivery = "evidence_first"\nevidence_for = "5min"\nthen = "at_least_once"\n'
    found = load(tmp_path, text).classes["contract"]
    assert (found.evidence_for, found.then) == (300, Delivery.AT_LEAST_ONCE)


def test_a_class_may_be_kept_for_another_time_than_the_others(tmp_path: Path) -> None:
    settings = load(tmp_path, '[classes.otp]\nretention = "2d"\n')
    assert (settings.classes["otp"].retention, settings.classes["bulk"].retention) == (2 * 86400.0, None)


def test_a_class_is_not_kept_for_less_than_its_keys_are_remembered(tmp_path: Path) -> None:
    assert "could send twice" in problems(tmp_path, '[classes.otp]\nretention = "1h"\n')


def test_a_shipped_class_keeps_what_is_not_said_of_it(tmp_path: Path) -> None:
    found = load(tmp_path, '[classes.otp]\ndeadline = "5min"\n').classes["otp"]
    assert (found.deadline, found.queue, found.resend_after) == (300, "mail.urgent", 60)


def test_a_row_is_laid_over_the_table_for_all_or_for_one_class(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[retry.R2]\nladder = ["1min", "2min"]\nattempts = 4\n[classes.otp.retry.R2]\nladder = ["5s"]\n',
    )
    assert ladder(settings, GREYLISTED) == (60, 120)
    assert settings.policies.table_of("bulk").policy_for(GREYLISTED).max_attempts == 4
    assert ladder(settings, GREYLISTED, "otp") == (5,)
    assert ladder(settings, DOWN) == DEFAULT_TABLE.policy_for(DOWN).ladder


def test_a_row_may_be_a_class_of_errors_or_one_of_the_applications_own(tmp_path: Path) -> None:
    name = f"{NoStock.__module__}.{NoStock.__qualname__}"
    settings = load(tmp_path, f'[retry.TransientError]\nladder = ["7s"]\n[retry."{name}"]\nladder = ["9s"]\n')
    assert ladder(settings, NoStockAtAll()) == (9,), "a row is for what is derived from it too"
    assert ladder(settings, ValueError()) is None
    assert ladder(settings, ODD) == DEFAULT_TABLE.policy_for(ODD).ladder, "the taxonomy's rows come first"


def test_a_row_can_be_taken_away(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "[classes.otp.retry.R2]\nnever = true\n[classes.otp.retry.TransientError]\nnever = true\n"
    )
    assert ladder(settings, GREYLISTED, "otp") is None
    assert ladder(settings, GREYLISTED) is not None


def test_waits_are_scaled_with_all_others(tmp_path: Path) -> None:
    settings = load(tmp_path, '[retry.R2]\nladder = ["60s"]\n', NOTIFIER_RETRY_SCALE="0.5")
    assert ladder(settings, GREYLISTED) == (30,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "the file has 'colour'"),
        ("classes = 5", "classes is a table of tables"),
        ("[classes.Bad]\n", "a name is small letters"),
        ('[classes.x]\ndelivery = "sometimes"\n', "delivery is one of at_least_once"),
        ('[classes.x]\ndurability = "disk"\n', "durability is one of fsync, aof, memory"),
        ('[classes.x]\ndelivery = "evidence_first"\nthen = "evidence_first"\n', "then is at_least_once or"),
        ('[classes.x]\ndelivery = "evidence_first"\nevidence_for = "now"\n', "evidence_for is a span of time"),
        ('[classes.x]\nevidence_for = "1h"\n', 'evidence_for is for delivery = "evidence_first"'),
        (
            '[classes.x]\ndelivery = "evidence_first"\nthen = "at_least_once"\ndeadline = "30min"\n',
            "none would be sent again",
        ),
        ('[classes.x]\ndeadline = "soon"\n', "deadline is a span of time"),
        ('[classes.x]\nqueue = "a b"\n', "queue is named by letters"),
        ("[classes.x]\nsize = 4\n", "classes.x has 'size'"),
        ('[retry.R2]\nladder = ["5min", "1min"]\n', "a retry ladder does not get shorter"),
        ("[retry.R2]\nladder = []\n", "at least one step"),
        ('[retry.R2]\nladder = ["0s"]\n', "a span of time over 0"),
        ('[retry.R2]\nladder = "5min"\n', "ladder is a list such as"),
        ("[retry.R2]\nattempts = 0\n", "max_attempts is 1 or more"),
        ("[retry.R2]\njitter = 2.0\n", "jitter is a share"),
        ("[retry.R99]\n", "no error class and no taxonomy id"),
        ("[retry.R99]\nnever = true\n", "no row 'R99'"),
        ('[classes.x]\ndeadline = "10s"\n', "its deadline is 10 s, and the first retry waits 30 s"),
        ("[[", "no TOML"),
        (f"a = {'[' * 50_000}", "policies.toml, which is nested too deeply"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    assert words in problems(tmp_path, text)


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, '[classes.x]\ndeadline = "soon"\nqueue = ""\n[retry.R2]\nladder = []\n')
    assert found.count("policies.toml") == 3


def test_a_class_says_whether_one_may_unsubscribe_from_it(tmp_path: Path) -> None:
    shipped = Settings.load(LEAST).classes
    assert [name for name, one in shipped.items() if one.list_unsubscribe] == ["bulk"]
    text = "[classes.news]\nlist_unsubscribe = true\n[classes.bulk]\nlist_unsubscribe = false\n"
    classes = load(tmp_path, text).classes
    assert [name for name, one in classes.items() if one.list_unsubscribe] == ["news"]
    assert "list_unsubscribe is true or false" in problems(tmp_path, "[classes.x]\nlist_unsubscribe = 1\n")


def test_a_list_is_a_tenants_mails_of_a_class(tmp_path: Path) -> None:
    policies = load(tmp_path, "[classes.news]\nlist_unsubscribe = true\n").policies
    assert policies.mailing_list_of(an_email(mail_class="news", tenant="shop")) == "shop/news"
    assert policies.mailing_list_of(an_email(mail_class="otp")) is None
    assert policies.mailing_list_of(an_email(mail_class="gone")) is None
