"""Files, settings and commands that the pages show or name are what the code takes."""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import yaml
from celery.local import Proxy
from pages import PAGES, TOP, Block, blocks

import notifier
from notifier.cli.main import COMMANDS, group
from notifier.rendering import Renderer
from notifier.rendering.library import TemplateLibrary
from notifier.rendering.metadata import read_metadata
from notifier.settings.policies import parse_policies
from notifier.settings.table import TABLE
from notifier.settings.tenants import parse_tenants
from notifier.tasks.options import HARMLESS, MADE_TRUE

pytestmark = pytest.mark.unit

ELSEWHERE = {"tutorial"}  # test_tutorial.py follows that page
# Run or loaded by test_documented_python.py and test_documented_shell.py; the diffs by test_migrations.py.
RUN = {"python", "py", "sh", "console", "indented", "diff"}
SHOWN = {
    "bounces  1": "Postfix's: test_real_bounces.py sets the same up",
    "bounces  2": "Postfix's; the pipe's command is read below",
    "direct-delivery text 2": "Unbound's",
    "dkim-and-unsubscribe text 1": "fields of a mail: test_signed_and_unsubscribed.py reads them",
    "kubernetes text 1": "a Containerfile of the reader's",
    "metrics text 1": "a line of the log",
    "rabbitmq ini 1": "RabbitMQ's",
    "templates text 1": "a tree of folders",
    "templates text 2": "an error",
    "templates-html text 1": "a text that was made from html",
    "templates-html css 1": "a style sheet of the reader's",
}


def policies(code: str, folder: Path) -> None:
    (folder / "policies.toml").write_text(code)
    parse_policies(str(folder / "policies.toml"))


def tenants(code: str, folder: Path) -> None:
    (folder / "bulk.url").write_text("smtp://user:password@relay.example.com")
    (folder / "bulk.url").chmod(0o600)
    (folder / "tenants.toml").write_text(code)
    assert parse_tenants(str(folder / "tenants.toml")).accounts["bulk"]


def metadata(code: str, folder: Path) -> None:
    (folder / "meta.json").write_text(code)
    assert read_metadata(folder / "meta.json", "sample").sensitive


def scraped(code: str, folder: Path) -> None:
    (rules,) = yaml.safe_load(code)["rule_files"]
    assert (TOP / "deploy" / "alerts" / rules).exists()


def probes(code: str, folder: Path) -> None:
    asked = {one["exec"]["command"][1] for name, one in yaml.safe_load(code).items() if name != "env"}
    assert asked == {"alive", "ready"}


def catalogs(code: str, folder: Path) -> None:
    messages = pytest.importorskip("babel.messages.frontend")
    methods, options = messages.parse_mapping_cfg(io.StringIO(code))
    assert methods == [("**.j2", "jinja2")]
    assert options["**.j2"]["silent"] == "false"


def template(part: str, **context: object) -> Callable[[str, Path], None]:
    def check(code: str, folder: Path) -> None:
        there = folder / "ticket"
        (there / "images").mkdir(parents=True)
        (folder / "_parts").mkdir()
        (folder / "_parts" / "footer.mjml.j2").write_text("<mj-text>Our shop</mj-text>")
        (there / "images" / "shop.png").write_bytes((TOP / "templates" / "_images" / "logo.png").read_bytes())
        (there / "subject.txt.j2").write_text("A ticket")
        (there / part).write_text(code)
        made = Renderer(TemplateLibrary([folder, TOP / "templates"])).render(
            "ticket", {"name": "Zoë", "url": "https://shop.example", **context}
        )
        assert "Zoë" in (made.html or "")

    return check


CHECKED: dict[str, Callable[[str, Path], None]] = {
    "evidence toml 1": policies,
    "mail-classes toml 1": policies,
    "reports toml 1": policies,
    "tenants-and-limits toml 1": tenants,
    "personal-data json 1": metadata,
    "templates json 1": metadata,
    "metrics yaml 1": scraped,
    "operating yaml 1": probes,
    "templates ini 1": catalogs,
    "shipped-mails jinja 1": template("html.html.j2", doors="19:00", seat="A1", action_url="https://shop.example"),
    "templates-html html 1": template("html.mjml.j2", items=[{"name": "Notebook", "price": 12.9}]),
    "templates-html text 2": template("body.md.j2", number=7),
}
LANGUAGES = {
    language
    for page in PAGES
    for language in re.findall(
        r"^ *```([\w-]*)\n.*?^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
}
FILES: dict[str, Block] = {
    block.name: block for block in blocks(*sorted(LANGUAGES - RUN)) if block.page.stem not in ELSEWHERE
}
RUN_AS_SETTINGS = {"direct-delivery text 1", "templates text 3", "tenants-and-limits text 1"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_on_a_page_is_what_we_take(name: str, tmp_path: Path) -> None:
    if name in CHECKED:
        CHECKED[name](FILES[name].code, tmp_path)
    else:
        told_by_the_shells_test = re.fullmatch(r"(relays|proxy-and-pin) text \d", name) or name in RUN_AS_SETTINGS
        assert name in SHOWN or told_by_the_shells_test, "it is neither checked nor in SHOWN with a reason"


def test_what_is_said_of_a_file_is_about_one_that_there_is() -> None:
    assert {*CHECKED, *SHOWN, *RUN_AS_SETTINGS} <= set(FILES)


TEXTS = {page.name: page.read_text(encoding="utf-8") for page in [*PAGES, *(TOP / "docs" / "explanation").glob("*.md")]}
NAMED = sorted(
    {(page, span) for page, text in TEXTS.items() for span in re.findall(r"`(notifier [a-z][^`\n]*)`", text)}
)


@pytest.mark.parametrize(("page", "span"), NAMED)
def test_a_command_that_a_page_names_is_one_with_those_options(page: str, span: str) -> None:
    command: click.Command | None = group
    words = shlex.split(span.split(" > ", maxsplit=1)[0])[1:]
    while words and isinstance(command, click.Group) and not words[0].startswith(("-", "[", "…")):
        verbs, words = words[0].split("|"), words[1:]
        found = [command.get_command(click.Context(command), verb) for verb in verbs]
        assert all(found), f"{page}: notifier has no {verbs}"
        command = found[0]
    assert command is not None
    known = {option for one in command.params for option in one.opts}
    said = {word.strip("[]").partition("=")[0] for word in words if word.strip("[]").startswith("--")}
    assert said <= known, f"{page}: {span}"


def test_every_setting_that_a_page_names_is_one() -> None:
    known = {row.name for row in TABLE}
    named = {
        name.removesuffix("_FILE") for text in TEXTS.values() for name in re.findall(r"\bNOTIFIER_[A-Z_]+\b", text)
    }
    assert named - known - {"NOTIFIER_"} == set()


def test_every_command_is_named_on_a_page_for_people() -> None:
    everything = json.dumps(list(TEXTS.values()))
    assert [name for name in COMMANDS if not re.search(rf"notifier(?: \w+\|)? ?{name}\b", everything)] == []


CALLS = sorted(
    {
        (page, span)
        for page, text in TEXTS.items()
        for span in re.findall(r"`(?:await )?((?:send_\w+|asend_bulk|store_attachment)(?:\.\w+)?\([^`\n]+\))`", text)
    }
)


@pytest.mark.parametrize(("page", "span"), CALLS)
def test_a_call_that_a_page_names_has_those_arguments(page: str, span: str) -> None:
    """In the tables of what was called how before, too."""
    shown = (
        span.replace("={…}", "=...")
        .replace("[…]", "...")
        .replace("(…, ", "(")
        .replace("(…)", "()")
        .replace(", …", "")
        .replace("…", "...")
    )
    call = ast.parse(shown, mode="eval").body
    assert isinstance(call, ast.Call)
    function, _, way = ast.unparse(call.func).partition(".")
    public = getattr(notifier, function)
    if way in {"apply_async", "aapply_async"}:
        known = {"kwargs", *MADE_TRUE, *HARMLESS}
    else:
        assert way in {"", "delay", "adelay", "s", "si"}
        known = set(inspect.signature(public.run if isinstance(public, Proxy) else public).parameters)
    if function in {"send_bulk", "asend_bulk"}:
        known |= set(inspect.signature(notifier.send_email.run).parameters)
    assert {word.arg for word in call.keywords} - {None} <= known, f"{page}: {span}"


def test_there_are_such_calls() -> None:
    assert len(CALLS) > 10
