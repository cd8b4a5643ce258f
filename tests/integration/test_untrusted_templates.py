"""Templates that strangers write, in real child processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from workers import plant

from notifier import send_email
from notifier.errors import RendererUnavailable, TemplateError, TemplateNotFound, TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary, untrusted_process
from notifier.rendering.untrusted_limits import Limits

MB = 2**20
QUICK = Limits(processor=1.0)


def write(root: Path, name: str = "note", **parts: str) -> Path:
    folder = root / name
    (folder / "images").mkdir(parents=True)
    for part, text in {"subject_txt_j2": "Hi", "text_txt_j2": "hello", **parts}.items():
        (folder / part.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def make(root: Path, limits: Limits = QUICK, **parts: str) -> Renderer:
    """A renderer for which ``root`` is a stranger's."""
    write(root, **parts)
    return Renderer(TemplateLibrary([], [root]), limits=limits)


@pytest.fixture(autouse=True)
def _known_children() -> None:
    """What other tests have started is not meant."""
    _KNOWN.clear()
    _KNOWN.update(_all_children())


_KNOWN: set[int] = set()


def _all_children() -> set[int]:
    """Not theirs: those of a nursery come and go. Whom a dead child has left behind is nobody's grandchild any more."""
    return {child.pid for child in psutil.Process().children()}


def children() -> set[int]:
    return _all_children() - _KNOWN


def test_what_it_renders_is_what_a_trusted_one_renders(tmp_path: Path) -> None:
    parts = {
        "subject_txt_j2": "Hi {{ name }}",
        "html_html_j2": "{% extends '_layouts/base.html.j2' %}{% block body %}{{ name }} <img src='{{ inline_image('logo.png') }}'>"
        "{% endblock %}",
    }
    renderer = make(tmp_path, **parts)
    trusted = Renderer(TemplateLibrary([tmp_path]))
    for locale in (None, "de"):
        content = renderer.render("note", {"name": "<Zoë>"}, locale)
        assert content == trusted.render("note", {"name": "<Zoë>"}, locale)


def test_half_a_character_comes_back_as_it_is_and_is_the_composers_to_refuse(tmp_path: Path) -> None:
    assert make(tmp_path, text_txt_j2="{{ x }}").render("note", {"x": "\ud800"}).text == "\ud800"


def test_an_image_goes_along(tmp_path: Path) -> None:
    renderer = make(tmp_path, html_html_j2="<img src='{{ inline_image('ours.png') }}'>{{ inline_image('ours.png') }}")
    (tmp_path / "note" / "images" / "ours.png").write_bytes(b"\x89PNG ours")
    content = renderer.render("note", {})
    (image,) = content.inline_images
    assert (image.filename, image.data) == ("ours.png", b"\x89PNG ours")
    assert f"cid:{image.content_id}" in (content.html or "")


def test_one_that_its_own_meta_calls_untrusted_is_rendered_in_a_child_too(tmp_path: Path) -> None:
    folder = write(tmp_path, text_txt_j2="{{ 'A' * 10**9 }}")
    (folder / "meta.json").write_text('{"untrusted": true}')
    with pytest.raises(TemplateRenderError, match="more memory than it may have"):
        Renderer(TemplateLibrary([tmp_path]), limits=QUICK).render("note", {})


@pytest.mark.parametrize(
    "call", ["'A' * 10**9", "'%2000000000d' % 1", "'a' | center(2000000000)", "'{:>2000000000}'.format(1)"]
)
def test_bad_input_79_one_call_that_takes_all_memory_is_the_templates_error(tmp_path: Path, call: str) -> None:
    renderer = make(tmp_path, text_txt_j2="one\n{{ " + call + " }}")
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 2: it needs more memory than it may have"):
        renderer.render("note", {})
    assert not children()


def test_bad_input_79_one_call_that_takes_all_time_is_the_templates_error(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2="{{ (9 ** (9 ** 9)) % 7 }}")
    with pytest.raises(
        TemplateRenderError, match=r"'note', which is untrusted: it took more than 1 seconds of the processor"
    ):
        renderer.render("note", {})
    assert not children()


def test_bad_input_80_loops_in_loops_are_told_with_their_line(tmp_path: Path) -> None:
    text = "one\n{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 2: it had not ended when its time"):
        make(tmp_path, text_txt_j2=text).render("note", {})


def test_loops_are_stopped_in_every_thread(tmp_path: Path) -> None:
    text = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    renderer = make(tmp_path, text_txt_j2=text)
    write(tmp_path, "good", text_txt_j2="hello {{ n }}")

    def rendered(number: int) -> str:
        try:
            return renderer.render("note" if number == 0 else "good", {"n": number}).text
        except TemplateRenderError as error:
            return str(error)

    with ThreadPoolExecutor(4) as threads:
        first, *others = threads.map(rendered, range(6))
    assert "it had not ended when its time" in first
    assert others == [f"hello {number}" for number in range(1, 6)]


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import gevent, sys
from pathlib import Path
from notifier.errors import TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.untrusted_limits import Limits

renderer = Renderer(TemplateLibrary([], [Path(sys.argv[1])]), limits=Limits(processor=1.0))
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.001)

def render(number):
    try:
        return renderer.render("good" if number else "note", {"n": number}).text
    except TemplateRenderError as error:
        return "stopped"

gevent.spawn(tick)
jobs = [gevent.spawn(render, number) for number in range(4)]
gevent.joinall(jobs)
print([job.value for job in jobs], len(ticks) > 9)
"""


def test_other_greenlets_go_on_meanwhile(tmp_path: Path) -> None:
    make(tmp_path, text_txt_j2="{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")
    write(tmp_path, "good", text_txt_j2="hello {{ n }}")
    found = subprocess.run([sys.executable, "-c", GREENLETS, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['stopped', 'hello 1', 'hello 2', 'hello 3'] True"


def test_an_output_without_end_is_cut_off(tmp_path: Path) -> None:
    text = "{% for i in range(9999) %}{% for j in range(9999) %}0123456789{% endfor %}{% endfor %}"
    with pytest.raises(TemplateRenderError, match="over 10,485,760 characters"):
        make(tmp_path, Limits(), text_txt_j2=text).render("note", {})


def test_an_error_names_its_place_and_no_value(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 2: ValueError") as error:
        make(tmp_path, text_txt_j2="\n{{ secret | money }}").render("note", {"secret": "hunter2"})
    assert "hunter2" not in str(error.value)


def test_check_compiles_in_the_child(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"note/html\.html\.j2, line 1: syntax"):
        make(tmp_path, html_html_j2="{% if %}").check("note")


def test_a_stranger_takes_no_trusted_templates_place(tmp_path: Path) -> None:
    write(tmp_path, "welcome", subject_txt_j2="ours")
    renderer = Renderer(TemplateLibrary([], [tmp_path]))
    assert renderer.render("welcome", {"name": "Zoë"}).subject == "Welcome, Zoë"


def test_a_trusted_template_does_not_reach_a_strangers(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write(theirs, "_parts", text_txt_j2="theirs")
    write(ours, text_txt_j2="{% include '_parts/text.txt.j2' %}")
    with pytest.raises(TemplateRenderError, match="not there"):
        Renderer(TemplateLibrary([ours], [theirs])).render("note", {})


def test_a_stranger_does_not_reach_another_strangers(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    write(other, "_parts", text_txt_j2="theirs")
    write(one, text_txt_j2="{% include '_parts/text.txt.j2' %}")
    with pytest.raises(TemplateRenderError, match="not there"):
        Renderer(TemplateLibrary([], [one, other]), limits=QUICK).render("note", {})


@pytest.mark.parametrize(
    ("key", "value"), [("schema", "antigravity:Name"), ("from", "boss@house.example"), ("mail_class", "otp")]
)
def test_an_untrusted_folder_brings_nothing_that_is_the_applications(tmp_path: Path, key: str, value: str) -> None:
    renderer = make(tmp_path)
    (tmp_path / "note" / "meta.json").write_text(json.dumps({key: value}))
    with pytest.raises(TemplateError, match=f"has a {key}, which an untrusted folder may not bring"):
        renderer.defaults("note")


def test_a_name_is_still_one_of_those_found(tmp_path: Path) -> None:
    with pytest.raises(TemplateNotFound):
        make(tmp_path).render("../note", {})


# What has come out of the sandbox: code of an attacker's choice in the child -----------------------------------

READY = "import os, sys; sys.stdout.buffer.write(b'ready\\n'); sys.stdout.flush(); "


def boot(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(untrusted_process, "_BOOT", code)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("sys.stdin.read(); os.kill(os.getpid(), 9)", "its child ended with signal SIGKILL; its memory is limited"),
        ("sys.stdin.read(); os.kill(os.getpid(), 11)", "its child ended with signal SIGSEGV"),
        ("sys.stdin.read(); os.kill(os.getpid(), 50)", "its child ended with signal 50"),
        ("sys.stdin.read(); sys.exit(7)", "its child ended with status 7"),
        ("sys.stdin.read()\nwhile True: os.write(1, b'x' * 65536)", "its output is over 1,048,576 octets"),
        (
            "\nwhile True: os.write(1, b'x' * 65536)",
            "its output is over 1,048,576 octets",
        ),  # and reads nothing meanwhile
        ("sys.stdin.read(); print('{')", "the child's answer is no JSON"),
        ("sys.stdin.read(); print('[' * 100000)", "the child's answer is no JSON"),
        ("sys.stdin.read(); print('[]')", "the child's answer is no object"),
        ("sys.stdin.read(); print('{}')", "the child's answer is no content"),
        ("sys.stdin.read(); print('{\"error\": [1]}')", "the child's error is no text"),
    ],
)
def test_whatever_a_child_does_is_the_templates_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    boot(monkeypatch, READY + code)
    renderer = make(tmp_path, Limits(output=MB))
    with pytest.raises(TemplateRenderError, match=told):
        renderer.render("note", {"big": "x" * MB})
    assert not children()


@pytest.mark.parametrize(
    "code",
    [
        "sys.stdin.read(); import time; time.sleep(600)",
        "import time; os.close(0); os.close(1); time.sleep(600)",
        "import time; time.sleep(600)",
    ],
)
def test_a_child_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    boot(monkeypatch, READY + code)
    renderer = make(tmp_path, Limits(wall=1.0, output=MB))
    with pytest.raises(TemplateRenderError, match="it had not ended after 1 seconds"):
        renderer.render("note", {"big": "x" * MB})
    assert not children()


def test_a_child_that_hands_its_pipes_to_another_process_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, READY + "import time; os._exit(0) if os.fork() else time.sleep(10)")
    with pytest.raises(TemplateRenderError, match="it had not ended after 1 seconds"):
        make(tmp_path, Limits(wall=1.0)).render("note", {"big": "x" * MB})


def test_a_context_that_is_not_plain_is_told(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match="the context of an untrusted one is plain JSON"):
        make(tmp_path).render("note", {"when": object()})


@pytest.mark.parametrize(
    "answer",
    [
        {"content": {"subject": "a\nBcc: b", "text": "", "html": None}, "images": []},
        {"content": {"subject": "a", "text": None, "html": None}, "images": []},
        {"content": {"subject": "a", "text": "", "html": 7}, "images": []},
        {"content": {"subject": "a", "text": "", "html": None, "more": ""}, "images": []},
        {"content": {"subject": "a", "text": "", "html": None}, "images": [7]},
        {"content": {"subject": "a", "text": "", "html": None}, "images": "logo.png"},
    ],
)
def test_a_child_answers_with_texts_and_with_names_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Mapping[str, object]
) -> None:
    boot(monkeypatch, READY + f"sys.stdin.read(); print({json.dumps(answer)!r})")
    with pytest.raises(TemplateRenderError, match="the child's answer is no content"):
        make(tmp_path).render("note", {})


def test_a_child_gets_no_file_of_its_choice_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"content": {"subject": "a", "text": "", "html": None}, "images": ["../../../etc/passwd.png"]}
    boot(monkeypatch, READY + f"sys.stdin.read(); print({json.dumps(answer)!r})")
    with pytest.raises(TemplateError, match="has no image"):
        make(tmp_path).render("note", {})


def test_a_child_has_no_environment_no_descriptor_and_no_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SMTP_URL", "smtp://user:hunter2@relay.example")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    code = (
        "import json; sys.stdin.read(); fds = [n for n in range(3, 200) if os.path.exists(f'/proc/self/fd/{n}')]; "
        "print(json.dumps({'error': f\"{sorted(set(os.environ) - {'LC_CTYPE'})} {fds} {os.getcwd()} {os.getsid(0) == os.getpid()}\"}))"
    )
    boot(monkeypatch, READY + code)
    try:
        with pytest.raises(TemplateRenderError) as error:
            make(tmp_path).render("note", {})
    finally:
        os.close(reading)
        os.close(writing)
    assert str(error.value) == "[] [] / True"


def test_a_child_may_take_no_more_than_its_limits() -> None:
    code = (
        "import resource as r; from notifier.rendering.untrusted_limits import Limits; Limits(memory=2**29).apply(); "
        "print([r.getrlimit(w)[1] for w in (r.RLIMIT_AS, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_NPROC)], "
        "r.getrlimit(r.RLIMIT_CPU)[0] < 10)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"{[2**29, 64, 0, 0, 0]} True"


def test_a_limit_of_the_administrators_that_is_lower_stays() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (20, 20)); "
        "from notifier.rendering.untrusted_limits import Limits; Limits().apply(); print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "(20, 20)"


# What is nobody's fault: the mail waits ------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["import notifier_is_not_installed", "import os; os.kill(os.getpid(), 9)"])
def test_a_child_that_ends_before_it_has_begun_is_not_the_templates_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    boot(monkeypatch, code)
    with pytest.raises(RendererUnavailable, match="before it had begun"):
        make(tmp_path).render("note", {})


def test_an_interpreter_that_is_not_there_is_not_the_templates_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RendererUnavailable, match="does not start"):
        make(tmp_path).render("note", {})


def test_whoever_is_interrupted_leaves_no_child_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot(monkeypatch, READY + "sys.stdin.read(); os.kill(os.getppid(), 10); import time; time.sleep(600)")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path).render("note", {})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not children()


def test_a_worker_sends_the_good_ones_and_survives_the_others(tmp_path: Path) -> None:
    theirs, state = tmp_path / "theirs", tmp_path / "state"
    state.mkdir()
    write(theirs, "good", text_txt_j2="hello {{ name }}")
    write(theirs, "memory", text_txt_j2="{{ 'A' * 10**9 }}")
    with plant(state, NOTIFIER_UNTRUSTED_TEMPLATES=str(theirs)) as works:
        works.start_worker(slots=1)
        ids = [
            send_email.delay(template=name, to="a@x.example", context={"name": "Zoë"}).id
            for name in ("memory", "good", "memory", "good")
        ]
        works.settle(ids[1::2], "sent")
        works.settle(ids[::2], "failed")
        assert "more memory than it may have" in str(works.status(ids[0]).history)
        assert [list(mail.recipients) for mail in works.server.mailbox] == [["a@x.example"]] * 2
        assert "WorkerLostError" not in works.logs()
