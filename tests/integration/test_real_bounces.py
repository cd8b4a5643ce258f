"""Bounces that Mailman's lists have had from servers of thirty years, which flufl.bounce keeps: who is meant, and for how long."""

from __future__ import annotations

import ast
from pathlib import Path

from real_servers.installed import missing
from workers import TOP

from notifier.bounces.reading import read_report
from notifier.bounces.report import Action

FOLDER = TOP / ".cache" / "published" / "flufl.bounce" / "tests"
# Written by hand for one company, or without an address, a subject or a sender that says what they are.
NOT_READ = {
    "aol_01.txt",
    "dsn_15.txt",
    "simple_15.txt",
    "simple_20.txt",
    "simple_21.txt",
    "simple_22.txt",
    "yale_01.txt",
}


def samples(folder: Path) -> list[tuple[str, set[str], Action]]:
    """File, addresses, and whether it is a failure, as its own tests have them."""
    if not folder.is_dir():
        missing("no flufl.bounce here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it")
    tree = ast.parse((folder / "test_detectors.py").read_text())
    (table,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "DETECTORS"
    )
    return [
        (name, {address.decode().lower() for address in addresses}, Action.DELAYED if late else Action.FAILED)
        for _, name, addresses, late in ast.literal_eval(table)
    ]


def test_what_servers_have_written_is_read_as_it_is_meant() -> None:
    wrong = set()
    for name, expected, action in samples(FOLDER):
        found = read_report((FOLDER / "data" / name).read_bytes())
        named = {address for one in found.recipients if one.action is action for address in one.addresses}
        if not expected <= named:
            wrong.add(name)
    assert wrong <= NOT_READ
    assert len(samples(FOLDER)) > 100
