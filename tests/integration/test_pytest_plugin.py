"""The pytest plugin in projects of its users: each test here runs pytest on a small project."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

# An environment that was installed before there was the entry point does not know its name.
INSTALLED = any(entry.name == "notifier" for entry in entry_points(group="pytest11"))
PLUGIN = ("-p", "notifier" if INSTALLED else "notifier.integrations.pytest_plugin", "-p", "no:cacheprovider")
UPDATE = "--update-mail-snapshots"
SEND = "send_email.delay(template='welcome', to='zoe@example.com', context={'name': 'Zoë'})"
APP = """
from celery import Celery, shared_task
from notifier import send_email
from notifier.tasks import register

app = Celery("shop")
register(app)

@app.task(name="thank")
def thank(whom):
    return send_email.delay(template="welcome", to=whom, context={"name": "Zoë"}).id
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("NOTIFIER_BROKER_URL", "NOTIFIER_SMTP_URL", "CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess(*PLUGIN, *options)


def run_here(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """For tests that send nothing: a process would only cost its start."""
    return project.runpytest_inprocess(*PLUGIN, *options)


def test_a_mail_that_is_sent_at_once_is_in_the_outbox(project: pytest.Pytester) -> None:
    project.makepyfile(f"""
        from notifier import send_email

        def test_it(notifier_eager, notifier_outbox):
            {SEND}
            assert [mail.subject for mail in notifier_outbox] == ["Welcome, Zoë"]
            assert notifier_outbox.to("zoe@example.com") == notifier_outbox[:]

        def test_another_starts_with_an_empty_one(notifier_eager, notifier_outbox):
            assert len(notifier_outbox) == 0
    """)
    run(project).assert_outcomes(passed=2)


def test_a_mail_that_a_real_worker_sends_is_in_the_outbox(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the developer's own settings name another broker and store."""
    monkeypatch.setenv("NOTIFIER_STORE_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("NOTIFIER_BROKER_URL_FILE", str(project.path / "there is no such file"))
    project.makepyfile(shop=APP)
    project.makepyfile(f"""
        import pytest
        from shop import app, send_email

        @pytest.mark.parametrize("turn", [1, 2])
        def test_it(turn, notifier_worker, notifier_outbox):
            notifier_worker("shop")
            {SEND}
            app.send_task("thank", ("anna@example.com",))
            mails = notifier_outbox.wait_for(2)
            assert {{mail.recipients[0] for mail in mails}} == {{"zoe@example.com", "anna@example.com"}}
    """)
    run(project).assert_outcomes(passed=2)


def test_a_worker_that_does_not_start_is_told_with_its_words(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_it(notifier_worker):
            notifier_worker("there_is_no_such_app")
    """)
    result = run(project)
    result.assert_outcomes(failed=1)
    assert "there_is_no_such_app" in result.stdout.str()


def test_the_relay_fails_when_it_is_told_to_and_is_good_again(project: pytest.Pytester) -> None:
    project.makepyfile(f"""
        import pytest
        from notifier import send_email
        from notifier.errors import PermanentError, TransientError, UnknownOutcomeError

        @pytest.mark.parametrize(("fault", "error"), [
            ("defer_next", TransientError), ("refuse_next", PermanentError),
            ("refuse_content_of_next", PermanentError), ("drop_at_data", UnknownOutcomeError),
        ])
        def test_it(fault, error, notifier_eager, notifier_relay, notifier_outbox):
            getattr(notifier_relay, fault)()
            with pytest.raises(error):
                {SEND}
            assert len(notifier_outbox) == 0
            {SEND}
            assert len(notifier_outbox) == 1
    """)
    run(project).assert_outcomes(passed=4)


def test_a_worker_tries_again_where_the_relay_has_deferred(project: pytest.Pytester) -> None:
    project.makepyfile(shop=APP)
    project.makepyfile(f"""
        from shop import send_email

        def test_it(notifier_worker, notifier_relay, notifier_outbox, monkeypatch):
            monkeypatch.setenv("NOTIFIER_RETRY_SCALE", "0.01")
            notifier_relay.defer_next()
            notifier_worker("shop")
            mail = {SEND}
            notifier_outbox.wait_for(1)
            assert mail.get(timeout=30).attempt == 2
    """)
    run(project).assert_outcomes(passed=1)


SNAPSHOT = f"""
from notifier import send_email

def test_welcome(notifier_eager, notifier_outbox, assert_mail_matches):
    {SEND}
    assert_mail_matches(notifier_outbox[0])
"""


COMPARED = """
def test_welcome(assert_mail_matches):
    assert_mail_matches("Subject: Welcome, Zoë\\n\\nGood to have you.\\n".encode())
"""


def test_a_snapshot_that_is_not_there_is_an_error_that_shows_the_mail(project: pytest.Pytester) -> None:
    project.makepyfile(COMPARED)
    result = run_here(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*look at the mail, then run pytest --update-mail-snapshots*", "*Subject: Welcome, Zoë*"]
    )


def test_a_snapshot_is_written_beside_the_test_and_holds_from_then_on(project: pytest.Pytester) -> None:
    path = project.makepyfile(SNAPSHOT)
    written = run(project, "--update-mail-snapshots")
    written.assert_outcomes(passed=1)
    written.stdout.fnmatch_lines([f"mail snapshot written: mail_snapshots/{path.stem}/test_welcome.txt"])
    kept = (path.parent / "mail_snapshots" / path.stem / "test_welcome.txt").read_text(encoding="utf-8")
    assert "Subject: Welcome, Zoë" in kept
    assert "--- text/plain" in kept
    assert "--- text/html" in kept
    assert "Message-ID" not in kept
    run(project).assert_outcomes(passed=1)


def test_another_mail_than_the_snapshot_is_shown_line_by_line(project: pytest.Pytester) -> None:
    path = project.makepyfile(COMPARED)
    run_here(project, UPDATE).assert_outcomes(passed=1)
    path.write_text(COMPARED.replace("Zoë", "Charlotte"), encoding="utf-8")
    result = run_here(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*-Subject: Welcome, Zoë*", "*+Subject: Welcome, Charlotte*"])


MANY = """
import pytest

def mail(text):
    return f"Subject: {text}\\n\\n{text}\\n".encode()

class TestOne:
    def test_it(self, assert_mail_matches):
        assert_mail_matches(mail("one"))

class TestOther:
    def test_it(self, assert_mail_matches):
        assert_mail_matches(mail("other"))
        assert_mail_matches(mail("second"), "second")

@pytest.mark.parametrize("text", ["é" * 200 + end for end in "ab"])
def test_long(text, assert_mail_matches):
    assert_mail_matches(mail(text))
"""


def test_each_test_and_each_name_has_a_file_of_its_own_also_in_processes_side_by_side(project: pytest.Pytester) -> None:
    path = project.makepyfile(MANY)
    written = run(project, "-n", "2", UPDATE)
    written.assert_outcomes(passed=4)
    files = sorted((path.parent / "mail_snapshots" / path.stem).iterdir())
    assert [file.name for file in files[:3]] == [
        "TestOne.test_it.txt",
        "TestOther.test_it--second.txt",
        "TestOther.test_it.txt",
    ]
    assert len(files) == 5
    assert written.stdout.str().count("mail snapshot written: mail_snapshots/") == 5


def test_two_mails_under_one_name_are_an_error(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_it(assert_mail_matches):
            for text in ("one", "other"):
                assert_mail_matches(f"Subject: {text}\\n\\n".encode())
    """)
    result = run_here(project, UPDATE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*give each a name of its own*"])


def test_what_differs_each_time_can_be_replaced(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import uuid

        def test_it(assert_mail_matches):
            mail = f"Subject: Code\\n\\nYour code is {uuid.uuid4().hex}\\n".encode()
            assert_mail_matches(mail, "code", replace={r"[0-9a-f]{32}": "<code>"})
    """)
    run_here(project, "--update-mail-snapshots").assert_outcomes(passed=1)
    run_here(project).assert_outcomes(passed=1)


def test_settings_that_the_program_has_chosen_itself_are_not_overridden_in_silence(project: pytest.Pytester) -> None:
    project.makeconftest("""
        from notifier.settings import Settings
        from notifier.tasks.app import use_settings
        use_settings(Settings.load({"NOTIFIER_BROKER_URL": "memory://", "NOTIFIER_STORE_URL": "redis://localhost"}))
    """)
    project.makepyfile("def test_it(notifier_outbox): ...")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*a test cannot lay its own over them*"])


def test_loading_it_imports_nothing_else(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import sys

        def test_it():
            heavy = {"celery", "kombu", "redis", "jinja2", "notifier.testing", "notifier.tasks", "notifier.settings"}
            assert heavy & set(sys.modules) == set()
    """)
    run(project).assert_outcomes(passed=1)


def test_it_stands_beside_pytest_django_whose_fixture_has_another_name() -> None:
    code = "import notifier.integrations.pytest_plugin as plugin; print([n for n in dir(plugin) if 'mailoutbox' in n])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
