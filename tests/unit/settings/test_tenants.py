from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import ConfigurationError
from notifier.model.address import Address
from notifier.model.tenant import DEFAULT, Sender
from notifier.settings import Settings

LEAST = {"NOTIFIER_BROKER_URL": "redis://localhost:6379/0"}
GOOD = """
[accounts.bulk]
smtp_url_file = "bulk.url"
envelope_from = "Bounces <bounces@shop.example>"

[tenants.shop]
rate = "600/min"
max_recipients = 50
max_mail_bytes = 1000000
send = [
  { as = ["shop.example", "*.shop.example"] },
  { as = "news@Shop.example", through = "bulk" },
]
"""


def written(folder: Path, text: str, **urls: str) -> Path:
    for name, url in urls.items():
        file = folder / f"{name}.url"
        file.write_text(url)
        file.chmod(0o600)
    path = folder / "tenants.toml"
    path.write_text(text)
    path.chmod(0o644)
    return path


def load(path: Path) -> Settings:
    return Settings.load({**LEAST, "NOTIFIER_TENANTS": str(path)})


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        load(path)
    return list(error.value.problems)


def account(settings: Settings, tenant: str, sender: str) -> str | None:
    return settings.matrix.tenants[tenant].account_for(Address.parse(sender))


def test_without_the_file_there_is_one_tenant_that_may_send_as_anybody() -> None:
    settings = Settings.load(LEAST)
    assert list(settings.matrix.tenants) == [DEFAULT]
    assert account(settings, DEFAULT, "who@ever.example") == DEFAULT
    assert list(settings.accounts) == [DEFAULT]


def test_the_first_grant_that_includes_the_sender_names_the_account(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD, bulk="smtps://u:canary@bulk.example"))
    assert account(settings, "shop", "orders@shop.example") == DEFAULT
    assert account(settings, "shop", "x@mail.SHOP.example") == DEFAULT
    assert account(settings, "shop", "x@other.example") is None
    assert account(settings, DEFAULT, "x@other.example") == DEFAULT
    assert settings.accounts["bulk"].relays[0][0].endpoint.name == "bulk.example:465"
    assert settings.accounts["bulk"].envelope_from.addr_spec == "bounces@shop.example"
    shop = settings.matrix.tenants["shop"]
    assert (shop.rate.per_second, shop.max_recipients, shop.max_mail_bytes) == (10, 50, 1_000_000)
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("pattern", "address", "included"),
    [
        ("*", "a@b.example", True),
        ("b.example", "a@B.example", True),
        ("b.example", "a@sub.b.example", False),
        ("*.b.example", "a@sub.b.example", True),
        ("*.b.example", "a@b.example", False),
        ("*.b.example", "a@evilb.example", False),
        ("a@b.example", "a@b.example", True),
        ("a@b.example", "c@b.example", False),
        ("xn--bcher-kva.example", "a@bücher.example", True),
    ],
)
def test_whom_a_pattern_includes(pattern: str, address: str, included: bool) -> None:
    assert Sender(pattern).includes(Address.parse(address)) is included


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        written(
            tmp_path,
            """
            colour = "red"
            [accounts.default]
            smtp_url = "smtp://relay.example"
            [accounts.bulk]
            smtp_url = "smtp://relay.example:465"
            envelope_from = "nobody"
            [accounts.two]
            smtp_url = "smtp://a"
            smtp_url_env = "B"
            [accounts."Bad Name"]
            [tenants.shop]
            rate = "fast"
            max_recipients = 0
            max_mail_bytes = "1MB"
            send = [{ as = "a b", through = "nowhere" }, { as = [] }, 5]
            [tenants.empty]
            """,
        )
    )
    text = "\n".join(found)
    words = ("colour", "accounts.default", "465", "nobody", "one of smtp_url", "Bad Name", "fast", "'a b'", "nowhere")
    for word in (
        *words,
        "max_recipients is a whole number",
        "max_mail_bytes is",
        "as is a domain, an address, or a list",
        "holds tables",
        "tenants.empty.send is a list",
    ):
        assert word in text, word
    assert all("tenants.toml" in one for one in found)


def test_a_password_in_a_file_that_everybody_reads_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = written(tmp_path, '[accounts.bulk]\nsmtp_url = "smtp://u:canary@relay.example"\n')
    (found,) = problems(path)
    assert "everybody can read it" in found
    assert "canary" not in found
    path.chmod(0o600)
    assert load(path).accounts["bulk"].relays[0][0].endpoint.username == "u"


def test_a_url_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, '[accounts.bulk]\nsmtp_url_env = "BULK_URL"\n')
    assert "which is not set" in problems(path)[0]
    monkeypatch.setenv("BULK_URL", "smtp://relay.example")
    assert "bulk" in load(path).accounts


def test_a_file_that_is_not_there_or_no_toml_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path / "none.toml")[0]
    assert "no TOML" in problems(written(tmp_path, "[["))[0]
    assert "nested too deeply" in problems(written(tmp_path, f"a = {'[' * 50_000}"))[0]


def test_rates_of_domains_are_read(tmp_path: Path) -> None:
    rates = Settings.load({**LEAST, "NOTIFIER_DOMAIN_RATES": "Gmail.com=20 bücher.example=60/min *=5"}).domain_rates
    assert rates.of("gmail.com").per_second == 20
    assert rates.of("xn--bcher-kva.example").per_second == 1
    assert rates.of("other.example").per_second == 5
    assert rates.of("other.example").key == "domain other.example"
    assert Settings.load(LEAST).domain_rates.of("gmail.com") is None


@pytest.mark.parametrize("text", ["gmail.com", "gmail.com=fast", "=5", "a=1 a=2", "a b=1"])
def test_rates_of_domains_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="NOTIFIER_DOMAIN_RATES"):
        Settings.load({**LEAST, "NOTIFIER_DOMAIN_RATES": text})
