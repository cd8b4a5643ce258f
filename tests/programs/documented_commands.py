"""Runs commands of the pages, each in a fork of this process, which has imported what they need; reads them as JSON.

A command that does not end by itself is read by its own parser and goes no further. What became of each goes to standard output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import django
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from django.core.management import execute_from_command_line

from notifier.cli.main import COMMANDS, group, main
from worker import app  # the reader's own


def read(command: Any, words: list[str], obj: object = None) -> None:
    """Raises `click.UsageError` where the command does not know what is said to it."""
    context = None
    while hasattr(command, "get_command"):
        context = click.Context(command, parent=context, obj=obj)
        name, *words = words
        command = command.get_command(context, name) or sys.exit(f"there is no command {name}")
    command.make_context(name, words, parent=context)


def read_one(words: list[str]) -> None:
    if words[0] == "celery":
        assert words[1:3] == ["-A", "worker"], words
        read(celery, words[3:], CLIContext(app=app, no_color=True, workdir=None))
    else:
        read(group, words[1:])


def run(words: list[str]) -> None:
    if words[0] == "python":
        execute_from_command_line(words[1:])
    else:
        sys.argv = words
        main()


def in_a_fork(words: list[str], environ: dict[str, str], log: Path) -> int:
    """The exit status of a command that was run to its end."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status: object = 99
    try:
        signal.alarm(PATIENCE)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(1, 2)
        os.environ.update(environ)
        run(words)
        status = 0
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - told to the test, whatever it is
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status if isinstance(status, int) else int(status is not None))


PATIENCE = 120  # seconds; SIGALRM then ends what should have ended by itself
jobs = json.load(sys.stdin)
became: dict[str, str] = {}
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()
del os.environ["DJANGO_SETTINGS_MODULE"]  # for notifier the reader has no project
for module in COMMANDS.values():  # so that no fork has to import them
    import_module(module)
ended: dict[str, int] = {}
for number, job in enumerate(jobs):
    if job["run"]:
        same = json.dumps([job["words"], job["environ"]])  # several pages say to check the production's settings
        log = Path(f"command-{number}.log").resolve()
        if same not in ended:
            ended[same] = in_a_fork(job["words"], job["environ"], log)
        status = ended[same]
        became[job["name"]] = (
            ""
            if status == job["status"]
            else f"{job['words']} ended with {status}: {log.read_text() if log.exists() else 'see above'}"
        )
for job in jobs:  # behind the forks, for a pool may patch what it likes
    if not job["run"]:
        try:
            read_one(job["words"])
            became[job["name"]] = ""
        except Exception:  # noqa: BLE001 - told to the test, whatever it is
            became[job["name"]] = traceback.format_exc()
print("\n" + json.dumps(became))
