"""Policies of MTA-STS as they are written: RFC 8461 sections 3.2 and 4.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.smtp.mx.sts_policy import LONGEST, Mode, Policy

GOOD = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
READ = Policy(Mode.ENFORCE, 604800, ("mail.example.com", "*.example.net"))
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\r\n", "\n"),
        GOOD.rstrip("\r\n"),
        GOOD + "\r\n\r\n",
        GOOD.replace(": ", ":"),
        GOOD.replace(": ", ": \t "),
        GOOD.replace("\r\n", " \t\r\n"),
        "mx: Mail.Example.COM\nmode: enforce\nmax_age: 604800\nversion: STSv1\nmx: *.example.net\n",
        GOOD + "later.field-1: anything, at all: yes\n",
        GOOD + "note: grüße\n",
        GOOD + "mode: none\nmax_age: 1\nversion: STSv2\n",
    ],
)
def test_a_policy_is_read_however_it_may_be_written(text: str) -> None:
    assert Policy.parse(text.encode()) == READ


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no field"),
        ("<html>", "no field"),
        (GOOD.replace("STSv1", "STSv2"), "version"),
        (GOOD.replace("version: STSv1\r\n", ""), "version"),
        (GOOD.replace("mode: enforce\r\n", ""), "mode"),
        (GOOD.replace("enforce", "Enforce"), "mode"),
        (GOOD.replace("enforce", "maybe"), "mode"),
        (GOOD.replace("max_age: 604800\r\n", ""), "max_age"),
        (GOOD.replace("604800", "-1"), "max_age"),
        (GOOD.replace("604800", "1e6"), "max_age"),
        (GOOD.replace("604800", "60480000000"), "max_age"),
        (GOOD.replace("604800", "٦"), "max_age"),
        (GOOD.replace("mail.example.com", "mail..example.com"), "no host"),
        (GOOD.replace("mail.example.com", "m*.example.com"), "no host"),
        (GOOD.replace("*.example.net", "*"), "no host"),
        (GOOD.replace("*.example.net", "*.*.example.net"), "no host"),
        (GOOD.replace("*.example.net", ".example.net"), "no host"),
        (GOOD.replace("*.example.net", "bücher.example"), "no host"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", "no mx"),
        ("version: STSv1\nmode: testing\nmax_age: 1\n", "no mx"),
        (GOOD.replace("mode: enforce", "mode enforce"), "no field"),
        (GOOD.replace("mode: enforce", "mode : enforce"), "no field"),
        (GOOD.replace("mode: enforce", " mode: enforce"), "no field"),
        (GOOD.replace("mode: enforce", "mode: enforce\x00"), "no field"),
        (GOOD.replace("\r\n", "\r"), "no field"),
        (GOOD.replace("mx: mail", "\r\nmx: mail"), "no field"),
        ("\ufeff" + GOOD, "no field"),
    ],
)
def test_what_breaks_the_grammar_is_no_policy(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Policy.parse(text.encode())


def test_what_is_no_utf_8_is_no_policy() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        Policy.parse(GOOD.encode() + b"note: \xff\n")


def test_none_needs_no_mx_and_no_policy_lasts_longer_than_a_year() -> None:
    none = Policy.parse(b"version: STSv1\nmode: none\nmax_age: 9999999999\n")
    assert none == Policy(Mode.NONE, LONGEST)


@pytest.mark.parametrize(
    ("host", "included"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com", True),
        ("mx.example.net", True),
        ("example.net", False),
        ("a.mx.example.net", False),
        ("mail.example.com.evil.test", False),
        ("evilmail.example.com", False),
        ("example.com", False),
        ("net", False),
        ("", False),
    ],
)
def test_a_host_is_included_by_its_name_or_a_wildcard_for_one_label(host: str, included: bool) -> None:
    assert READ.includes(host) is included


@pytest.mark.long
@given(st.sampled_from(Mode), st.integers(0, LONGEST), st.lists(HOSTS, min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_by_the_grammar_is_read_as_it_was_meant(
    mode: Mode, max_age: int, hosts: list[str], ending: str
) -> None:
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {max_age}", ""]
    policy = Policy.parse(ending.join(lines).encode())
    assert policy == Policy(mode, max_age, tuple(hosts))
    assert all(map(policy.includes, hosts))


@given(HOSTS, LABELS, HOSTS)
def test_a_wildcard_includes_its_children_and_nobody_else(parent: str, label: str, other: str) -> None:
    policy = Policy(Mode.ENFORCE, 1, (f"*.{parent}",))
    assert policy.includes(f"{label}.{parent}")
    assert not policy.includes(parent)
    assert not policy.includes(f"{label}.{label}.{parent}")
    assert policy.includes(other) == (other.partition(".")[2] == parent)


@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: (GOOD + text).encode("utf-8", "replace")))
)
def test_no_octets_break_it(octets: bytes) -> None:
    try:
        policy = Policy.parse(octets)
    except ValueError:
        return
    assert policy.mode is Mode.NONE or policy.patterns
    assert 0 <= policy.max_age <= LONGEST


@given(st.data())
def test_half_of_a_policy_is_none_or_says_the_same(data: st.DataObject) -> None:
    """A policy that was cut off must not be a laxer one: without all of its fields it is refused."""
    cut = data.draw(st.integers(0, len(GOOD) - 1))
    try:
        policy = Policy.parse(GOOD[:cut].encode())
    except ValueError:
        return
    assert (policy.mode, set(policy.patterns) <= set(READ.patterns)) == (Mode.ENFORCE, True)
