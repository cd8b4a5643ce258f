from __future__ import annotations

import io
import json
import re
from dataclasses import asdict
from typing import Any

import pytest
import trustme
from certificates import expired
from click.testing import CliRunner, Result
from rich.console import Console

from notifier.cli.smtp import _table, command
from notifier.smtp import Endpoint, TLSPolicy
from notifier.smtp.probe import probe
from notifier.testing import CatchingServer, Drop, HostileServer, Mischief, Moment, Refuse, Say


def probed(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["probe", *arguments])


def unfolded(result: Result) -> str:
    return " ".join(result.output.replace("│", "").split())


def found_in(*arguments: str) -> Any:
    return json.loads(probed(*arguments, "--json").output)


def test_the_table_tells_what_the_server_says() -> None:
    with CatchingServer() as server:
        result = probed(f"localhost:{server.port}", "--ca", str(server.ca_file))
    assert result.exit_code == 0, result.output
    for words in (
        "220 catching.example",
        "TLSv1.3",
        "localhost",
        "PIPELINING",
        "limit: octets",
        "time: greeting",
        "time: tls",
    ):
        assert words in result.output


def test_json_has_every_finding() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server:
        url = server.url.replace("smtp://", "smtp://zoe:hunter2@")
        result = probed(url, "--json")
    found = json.loads(result.output)
    assert result.exit_code == 0
    assert found["mechanisms"] == ["PLAIN", "LOGIN"]
    assert found["size_limit"] == 50 * 2**20
    assert {"connect", "greeting", "ehlo", "tls", "auth"} <= set(found["seconds"])
    assert "hunter2" not in result.output


def test_a_certificate_that_is_not_trusted_is_told_and_the_rest_is_looked_at_all_the_same() -> None:
    with CatchingServer() as server:
        result = probed(f"localhost:{server.port}", "--json")
    found = json.loads(result.output)
    assert result.exit_code == 1
    assert "certificate not accepted" in found["faults"][0]
    assert "PIPELINING" in found["extensions"]


def test_a_login_that_is_refused_is_told_without_the_password() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server:
        result = probed(server.url.replace("smtp://", "smtp://zoe:wrong-one@"))
    assert result.exit_code == 1
    assert "[A1]" in result.output
    assert "wrong-one" not in result.output


def test_a_server_that_refuses_is_told() -> None:
    with HostileServer({Moment.GREETING: Refuse("554 5.7.1 not you")}) as server:
        result = probed("127.0.0.1", "--port", str(server.port))
    assert result.exit_code == 1
    assert "not you" in result.output


def test_nothing_listens_there() -> None:
    result = probed("127.0.0.1:1")
    assert result.exit_code == 1
    assert "[C1]" in result.output


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("localhost:x", "no number"),
        ("127.0.0.1:99999", "no number from 1 to 65535"),
        ("127.0.0.1:65561", "no number from 1 to 65535"),
        ("127.0.0.1:0", "no number from 1 to 65535"),
        ("[::1]:0", "no number from 1 to 65535"),
        ("127.0.0.1:²", "no number"),
        ("[::1", "such as [::1]:25"),
        ("[::1]25", "such as [::1]:25"),
        ("http://localhost", "begins with smtp"),
        ("", "a host is"),
        ("a\nb", "a host is"),
        ("zoe@localhost", "a host is"),
        ("x" * 300, "a host is"),
        ("1:2:3", "a host is"),
    ],
)
def test_what_is_no_host_is_refused_with_the_reason(host: str, words: str) -> None:
    result = probed(host)
    assert result.exit_code == 2
    assert words in unfolded(result)


@pytest.mark.parametrize("host", ["[::1]:1", "127.0.0.1:1", "::1"])
def test_an_address_is_taken_with_its_port_and_without(host: str) -> None:
    arguments = [host] if host != "::1" else [host, "--port", "1"]
    server = "[::1]:1" if "::1" in host else host
    assert found_in(*arguments)["server"] == server


# what fails -----------------------------------------------------------------------------------------------------------

OPENINGS: list[tuple[Moment, Mischief, str]] = [
    (Moment.GREETING, Refuse("554 no"), "[G2]"),
    (Moment.GREETING, Drop(), "[C5]"),
    (Moment.GREETING, Say(b"SSH-2.0-x\r\n"), "[G4]"),
    (Moment.EHLO, Drop(), "[E3]"),
    (Moment.EHLO, Refuse("550 no"), "[E2]"),
]


@pytest.mark.parametrize(("moment", "mischief", "row"), OPENINGS)
def test_what_would_fail_in_the_same_way_is_not_tried_again(moment: Moment, mischief: Mischief, row: str) -> None:
    with HostileServer({moment: mischief}, tls=True) as server:
        found = found_in(f"127.0.0.1:{server.port}")
        assert len(server.heard) == 1
    (fault,) = found["faults"]
    assert fault.startswith(row)


def test_nobody_who_listens_is_asked_once() -> None:
    assert len(found_in("127.0.0.1:1")["faults"]) == 1


def test_a_server_from_before_ehlo_is_looked_at_without_tls() -> None:
    with HostileServer({(Moment.EHLO, 1): Refuse("502 what")}) as server:
        found = found_in(f"127.0.0.1:{server.port}", "--tls", "required")
    assert (found["greeting"], found["extensions"]) == ("220 hostile.example", {})


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "implicit"])
def test_a_certificate_that_is_not_accepted_is_shown(implicit: bool) -> None:
    authority = trustme.CA(organization_name="Doubt Inc.")
    context = expired(authority, "127.0.0.1")
    with (
        HostileServer(tls=not implicit, implicit_tls=implicit, context=context, offers=("AUTH PLAIN",)) as server,
        authority.cert_pem.tempfile() as ca_file,
    ):
        arguments = [f"127.0.0.1:{server.port}", "--ca", ca_file, "--tls", "implicit" if implicit else "auto"]
        table, found = unfolded(probed(*arguments)), found_in(*arguments)
        assert "certificate has expired" in found["faults"][0]
        assert found["certificate"]["names"] == ["127.0.0.1"]
        assert found["certificate"]["until"] == "Jan  1 00:00:00 2020 GMT"
        assert "Doubt Inc." in found["certificate"]["issuer"]
        assert "until Jan 1 00:00:00 2020 GMT" in table
        assert ("AUTH" in found["extensions"], bool(found["tls"])) == (not implicit, False)
        assert not any(b"AUTH" in heard or b"MAIL" in heard for heard in server.heard)


# what a hostile server says -------------------------------------------------------------------------------------------

HOSTILE = [
    b"250-r\r\n250 X-EVIL \x1b]0;owned\x07\x1b[2J\xe2\x80\xae\xc2\x9b31m\r\n",
    b"250-r\r\n250 X [link=http://evil.example]click[/link] [red]hidden[/red] [smtp] :smile:\r\n",
    b"250-r\r\n250 X [/x]\r\n",
    b"250-r\r\n250-AUTH [/x] PLAIN\x1b[31m\r\n250 SIZE " + b"9" * 5000 + b"\r\n",
    b"250-r\r\n250-[/x] y\r\n250 \xff\xfe\x1b]0;z\x07\r\n",
]


@pytest.mark.parametrize("ehlo", HOSTILE)
def test_58_what_a_server_says_is_text_and_changes_no_terminal(ehlo: bytes) -> None:
    plan = {Moment.GREETING: Say(b"220 mx.example [ESMTP] \x1b[31mready [bold]\r\n"), Moment.EHLO: Say(ehlo)}
    with HostileServer(plan) as server:
        found = probe(Endpoint(server.host, server.port, tls=TLSPolicy.NONE))
        written = json.dumps(asdict(found), ensure_ascii=False)
        terminal = io.StringIO()
        Console(file=terminal, force_terminal=True, color_system=None, width=200).print(_table(found))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", written + terminal.getvalue().replace("\n", ""))
    assert "220 mx.example [ESMTP]  [31mready [bold]" in terminal.getvalue()
    if b"click" in ehlo:
        assert "[link=http://evil.example]click[/link] [red]hidden[/red] [smtp] :smile:" in terminal.getvalue()


def test_a_password_that_the_server_repeats_is_not_shown() -> None:
    plan = {Moment.AUTH: Refuse("535 5.7.8 no such password: hunter2")}
    with HostileServer(plan, offers=("AUTH PLAIN",)) as server:
        result = probed(f"smtp://zoe:hunter2@127.0.0.1:{server.port}?tls=none")
    assert "[A1]" in result.output
    assert "hunter2" not in result.output
