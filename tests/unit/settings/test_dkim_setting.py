from __future__ import annotations

from pathlib import Path

import pytest
from signing_keys import ed25519_pem, rsa_pem

from notifier.errors import ConfigurationError
from notifier.settings import Settings

LEAST = {"NOTIFIER_BROKER_URL": "redis://localhost:6379/0"}


def a_file(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def problems(text: str, **more: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        Settings.load({**LEAST, "NOTIFIER_DKIM": text, **more})
    return "\n".join(error.value.problems)


def test_a_domain_may_have_a_key_of_each_kind(tmp_path: Path) -> None:
    rsa, ed25519 = a_file(tmp_path, "rsa.pem", rsa_pem()), a_file(tmp_path, "ed.pem", ed25519_pem())
    settings = Settings.load({**LEAST, "NOTIFIER_DKIM": f"Bücher.example:r1:{rsa} bücher.example:e1.k:{ed25519}"})
    assert [(key.domain, key.selector, key.algorithm) for key in settings.dkim.keys] == [
        ("xn--bcher-kva.example", "r1", "rsa-sha256"),
        ("xn--bcher-kva.example", "e1.k", "ed25519-sha256"),
    ]
    assert {rsa, ed25519} <= set(settings.files), "a key that was exchanged is read again"


def test_no_key_shows_in_the_settings(tmp_path: Path) -> None:
    text = ed25519_pem()
    settings = Settings.load({**LEAST, "NOTIFIER_DKIM": f"a.example:s:{a_file(tmp_path, 'k.pem', text)}"})
    assert text.splitlines()[1] not in repr(settings)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    sound = a_file(tmp_path, "sound.pem", ed25519_pem())
    found = problems(
        " ".join(
            [
                "a.example",
                "a.example:s:relative.pem",
                f"a.example:-s:{sound}",
                f"a.example:s:{tmp_path}/missing.pem",
                f"a.example:s:{a_file(tmp_path, 'open.pem', ed25519_pem(), 0o644)}",
                f"a.example:s:{a_file(tmp_path, 'other.pem', 'canary')}",
                f"a..example:s:{sound}",
            ]
        )
    )
    assert len(found.splitlines()) == 7
    for words in (
        "written domain:selector",
        "cannot be read",
        "readable by everybody",
        "no private key",
        "'a..example'",
    ):
        assert words.replace("readable by everybody", "read by everybody") in found
    assert "canary" not in found


def test_two_keys_of_a_kind_for_one_domain_are_a_mistake(tmp_path: Path) -> None:
    key = a_file(tmp_path, "k.pem", ed25519_pem())
    assert "two ed25519-sha256 keys for a.example" in problems(f"a.example:s1:{key} a.example:s2:{key}")


def test_a_signature_does_not_end_before_a_mail_is_given_up() -> None:
    assert "class 'report'" in problems("", NOTIFIER_DKIM_EXPIRES="86400")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = a_file(tmp_path, "k.pem", ed25519_pem())
    for name in ("cryptography.exceptions", "cryptography.hazmat.primitives.serialization"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert "notifier-worker[dkim]" in problems(f"a.example:s:{key}")
