from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from notifier.cli import completion
from notifier.cli.ending import Exit, end
from notifier.cli.main import COMMANDS
from notifier.errors import (
    BrokerUnavailable,
    ConfigurationError,
    InvalidMail,
    MailNotFound,
    NotifierError,
    StoreUnavailable,
)

MAIN = [sys.executable, "-c", "from notifier.cli.main import main; main()"]


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotifierError("no"), Exit.FAILED),
        (InvalidMail("no"), Exit.FAILED),
        (MailNotFound("no mail x"), Exit.FAILED),
        (ConfigurationError(["NOTIFIER_X is wrong"]), Exit.FAILED),
        (StoreUnavailable("away"), Exit.UNAVAILABLE),
        (BrokerUnavailable("away"), Exit.UNAVAILABLE),
        (click.UsageError("how?"), Exit.USAGE),
        (click.exceptions.Abort(), Exit.INTERRUPTED),
        (FileNotFoundError(errno.ENOENT, "No such file", "rows.csv"), Exit.FAILED),
        (OSError(errno.ENOSPC, "No space left on device"), Exit.FAILED),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_expected_to_go_wrong_is_told_in_a_line_or_two(
    error: Exception, status: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end(raising(error)) == status
    told = capsys.readouterr().err
    assert told.strip()
    assert "Traceback" not in told


def test_what_is_not_expected_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        end(raising(ZeroDivisionError()))
    with pytest.raises(OSError, match="refused"):
        end(raising(OSError(errno.ECONNREFUSED, "refused")))


def test_an_error_that_has_no_advice_of_its_own_gets_one(capsys: pytest.CaptureFixture[str]) -> None:
    end(raising(ConfigurationError(["NOTIFIER_X is wrong"])))
    assert capsys.readouterr().err.splitlines()[-1].strip().startswith("every setting is in docs/")


def test_the_status_that_a_command_returns_is_passed_on() -> None:
    assert end(lambda: 7) == 7
    assert end(lambda: None) == Exit.DONE


@pytest.mark.long
@pytest.mark.parametrize(
    ("redirected", "status"), [("| head -c 0", 1), ("> /dev/full", 1), (">&-", 0)], ids=["no reader", "full", "closed"]
)
def test_an_output_that_cannot_be_written_is_no_traceback(redirected: str, status: int) -> None:
    quoted = " ".join(f"'{word}'" for word in MAIN)
    script = f"{quoted} completion zsh {redirected}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def every_command() -> Iterator[tuple[str, click.Command]]:
    for name, module in COMMANDS.items():
        command: click.Command = import_module(module).command
        if isinstance(command, click.Group):
            yield from ((f"{name} {verb}", sub) for verb, sub in command.commands.items())
        else:
            yield name, command


@pytest.mark.long
def test_every_command_speaks_json() -> None:
    assert not {name for name, one in every_command() if not any("--json" in param.opts for param in one.params)}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_what_completes_the_command(shell: str) -> None:
    assert "_NOTIFIER_COMPLETE" in CliRunner().invoke(completion.command, [shell]).output
    told = json.loads(CliRunner().invoke(completion.command, [shell, "--json"]).output)
    assert (told["shell"], "_NOTIFIER_COMPLETE" in told["script"]) == (shell, True)


def test_completing_a_name_loads_no_command() -> None:
    code = (
        "import os, sys; os.environ.update(_NOTIFIER_COMPLETE='bash_complete', COMP_WORDS='notifier re', COMP_CWORD='1')\n"
        "from notifier.cli.main import group\n"
        "try: group.main(prog_name='notifier')\n"
        "finally: print([name for name in ('celery', 'redis', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    names = ["plain,ready", "plain,report", "plain,reschedule", "plain,resolve", "plain,resume"]
    assert done.stdout.splitlines() == [*names, "[]"]
