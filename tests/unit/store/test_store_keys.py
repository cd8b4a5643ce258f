from __future__ import annotations

import re
from importlib.resources import files

import fakeredis
import pytest
from store_conformance import a_worker, an_email, at_dot, claimed

from notifier.model.state import EDGES, EVIDENCE, MailState
from notifier.store import RedisStore, scripts
from notifier.store.base import Settlement
from notifier.store.keys import INDEX

FOR_ALL_QUEUES = {
    b"notifier:queues",
    b"notifier:{epoch}:mark",
    b"notifier:suppressed",
    b"notifier:{workers}:records",
    b"notifier:{workers}:until",
}


def test_all_keys_of_a_queue_are_in_one_slot(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    store.register_worker(a_worker(slots=2), ttl=60)
    store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])
    store.settle([Settlement(claimed(store, an_email()), MailState.FAILED, composed=b"octets")])
    at_dot(store, an_email())
    store.epoch()
    store.suppress("a@example.com", "asked for it")
    for key in set(server.keys()) - FOR_ALL_QUEUES:
        assert key.startswith(b"notifier:{mail}:"), key


def test_the_scripts_know_the_edges_of_the_model() -> None:
    in_lua = set(re.findall(r"\['(\w+)>(\w+)'\] = true", scripts.source("settle")))
    assert in_lua == {(start.value, end.value) for start, ends in EDGES.items() for end in ends}


EVIDENT = ("evidence", "prove")


@pytest.mark.parametrize("script", EVIDENT)
def test_only_evidence_may_take_its_own_edges(script: str) -> None:
    (table,) = re.findall(r"local EVIDENCE = .*", scripts.source(script))
    assert set(re.findall(r"\['(\w+)>(\w+)'\]", table)) == {
        (start.value, end.value) for start, ends in EVIDENCE.items() for end in ends
    }
    assert all("EVIDENCE" not in scripts.source(name) for name in scripts.NAMES if name not in EVIDENT)


def test_the_scripts_and_the_reader_name_the_same_index_for_each_state() -> None:
    table = re.search(r"local INDEX = \{(.*?)\}", scripts.source("settle"), re.DOTALL)
    assert table is not None
    assert dict(re.findall(r"(\w+) = '(\w+)'", table[1])) == {state.value: name for state, name in INDEX.items()}


@pytest.mark.parametrize("script", ["claim", "begin_dot", "settle", "evidence", "prove", "sweep", "worker"])
def test_a_server_that_is_full_still_delivers_what_it_has(script: str) -> None:
    assert "allow-oom" in scripts.source(script).splitlines()[0]


@pytest.mark.parametrize("script", ["reserve", "add"])
def test_a_server_that_is_full_takes_no_new_mail(script: str) -> None:
    assert "allow-oom" not in scripts.source(script)


def test_every_script_has_its_file_and_every_file_its_script() -> None:
    folder = files("notifier.store") / "lua"
    assert {file.name for file in folder.iterdir()} == {f"{name}.lua" for name in (*scripts.NAMES, "prelude")}


def test_a_script_brings_only_what_it_names_of_the_prelude() -> None:
    assert "local function suppressed" in scripts.source("suppressed")
    assert "retire" not in scripts.source("suppressed")


@pytest.mark.parametrize("script", scripts.NAMES)
def test_a_script_has_all_that_it_names_of_the_prelude(script: str) -> None:
    prelude = (files("notifier.store") / "lua" / "prelude.lua").read_text(encoding="utf-8")
    text, declared = (
        scripts.source(script),
        set(re.findall(r"^local (?:function )?(.+?)(?:\(| =)", prelude, re.MULTILINE)),
    )
    assert all(name.isidentifier() for name in declared)  # one name each, or `scripts` would not find the second
    called = {name for name in declared if re.search(rf"\b{name}\(", text)}
    assert {name for name in called if not re.search(rf"local function {name}\(", text)} == set()
