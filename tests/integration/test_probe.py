from __future__ import annotations

import json

from click.testing import CliRunner, Result

from notifier.cli.smtp import command
from notifier.testing import CatchingServer, HostileServer, Moment, Refuse


def probed(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["probe", *arguments])


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


def test_what_is_no_host_is_refused_with_the_reason() -> None:
    assert "no number" in probed("localhost:x").output
    assert "begins with smtp" in probed("http://localhost").output
