"""The Python on the pages is run, with a real store and a real relay.

A block that is not in `GIVEN` is run as it stands: a sample that is new either runs so, or says here what a reader has
before it. What cannot run is in `ELSEWHERE` or `NOT_RUN` with its reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pages import Block, blocks
from workers import TOP

from notifier.testing import CatchingServer, EmbeddedValkey

PYTHON = {block.name: block for block in blocks("python", "py")}
ELSEWHERE = {
    **{f"tutorial python {number}": "test_tutorial.py follows the whole page" for number in range(1, 5)},
    **{f"flask python {number}": "test_flask_page.py runs them one after the other" for number in range(1, 4)},
}
NOT_RUN = {
    "testing python 3": "one worker more; test_pytest_plugin.py has a deferral like that",
    "django python 2": "Django 6.1 alone has MAILERS, and 5.2 is here; test_django_versions.py runs such a project",
}


@dataclass(frozen=True)
class Given:
    """``before``: what a reader has; ``instead``: names of the outside world; ``then``: what the sample promises.

    Samples of one ``process`` run in one: an app that is registered, or a settings module, is a process's.
    """

    before: str = ""
    then: str = ""
    instead: dict[str, str] = field(default_factory=dict)
    process: str = "application"


SHIPPED = """
import json
from pathlib import Path
import notifier
def sample(name):
    meta = json.loads((Path(notifier.__file__).parents[1] / "templates" / name / "meta.json").read_text())
    return next(iter(meta["samples"].values()))
"""
CUSTOMERS = """
from types import SimpleNamespace
customers = [SimpleNamespace(id=n, name=f"Customer {n}", address=f"c{n}@example.com") for n in range(3)]
"""
GIVEN = {
    "README python 1": Given(then="assert status(result.id).state == 'waiting'"),
    "async python 1": Given(
        then="import asyncio\nassert asyncio.run(sign_up('Zoë', 'zoe@example.com'))['mail']",
    ),
    "async python 2": Given(
        "import asyncio, logging\nfrom notifier import send_email\nlog, name, email = logging, 'Zoë', 'zoe@example.com'",
        "assert call.stored",
    ),
    "attachments python 1": Given(
        SHIPPED
        + "from notifier import send_email\npdf = png = b'octets'\nterms = notifier.store_attachment({'filename': 't', 'data': b'x'})\n"
        "import fsspec\nwith fsspec.open('memory://reports/may.pdf', 'wb') as file: file.write(b'octets')\n"
        "Path('prices.pdf').write_bytes(b'octets')\ninvoice = sample('invoice')",
        instead={"/srv/shop/prices.pdf": "prices.pdf", "s3://": "memory://"},
    ),
    "attachments python 2": Given(
        "from notifier import send_bulk\nPath('terms.pdf').write_bytes(b'octets')\n"
        "customers = [{'to': 'zoe@example.com', 'context': {'name': 'Zoë'}}]",
        "assert terms['filename'] == 'terms.pdf'",
        {"/srv/shop/terms.pdf": "terms.pdf"},
    ),
    "attachments python 3": Given(
        "ics = '\\r\\n'.join(['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//x', 'METHOD:REQUEST', 'BEGIN:VEVENT', 'UID:1',"
        " 'DTSTAMP:20261201T080000Z', 'DTSTART:20261201T090000Z', 'END:VEVENT', 'END:VCALENDAR', ''])"
    ),
    "bulk python 1": Given(CUSTOMERS, "assert len(rows) == 3"),
    "celery-apps python 1": Given(process="celery app"),
    "celery-apps python 2": Given("everybody = ['zoe@example.com']", process="celery app"),
    "celery-apps python 3": Given(
        "import os", process="celery app", instead={'"redis://localhost:6379/0"': 'os.environ["NOTIFIER_BROKER_URL"]'}
    ),
    "django python 1": Given(
        "import os\nos.environ['SMTP_PASSWORD'] = 'secret'",
        "from django.conf import settings\nsettings.configure(SECRET_KEY='x', USE_TZ=True, "
        "**{name: value for name, value in globals().items() if name.isupper()})\n"
        "import django\ndjango.setup()\nfrom django.core.checks import run_checks\n"
        "assert [str(one) for one in run_checks() if one.id.startswith('notifier')] == []",
        {"[..., ": "["},
        "django settings",
    ),
    "django python 3": Given(then="assert app.tasks['notifier.send_email']", process="django project"),
    "django python 4": Given(
        "from types import SimpleNamespace\nuser = SimpleNamespace(email='zoe@example.com', first_name='Zoë')",
        process="django project",
    ),
    "django-outbox python 1": Given(
        then="assert NOTIFIER['outbox']", instead={"[..., ": "["}, process="django project"
    ),
    "django-outbox python 2": Given(
        "import django\ndjango.setup()",
        then="assert app.conf.beat_schedule['sweep-the-outbox']['task'] in app.tasks",
        process="django project",
    ),
    "django-outbox python 3": Given(
        "from django.db import transaction\nfrom notifier import send_email\nfrom pathlib import Path\n"
        "path = 'orders.csv'\nPath(path).write_text('1')",
        process="django project",
    ),
    "dkim-and-unsubscribe python 1": Given(
        "from flask import Flask\nfrom starlette.applications import Starlette\nfrom starlette.routing import Route\n"
        "from werkzeug.middleware.dispatcher import DispatcherMiddleware\nfrom werkzeug.test import Client\n"
        "app = Flask('shop')\napp.router = Starlette().router\nget_wsgi_application = lambda: app",
        "link = '/unsubscribe?t=2026.none'\nassert Client(application).get(link).status_code == 404\n"
        "assert Client(app).get(link).status_code == 404\n"
        "from starlette.testclient import TestClient\nassert TestClient(app.router).get(link).status_code == 404",
    ),
    "evidence python 1": Given(
        then="from types import SimpleNamespace\nasked = [SimpleNamespace(mail_id='1', message_id='<0193…@shop.example>')]\n"
        "assert ask_provider(asked) == {'1': Proof.DELIVERED}"
    ),
    "hooks python 1": Given(
        then="from types import SimpleNamespace\ntell_support(SimpleNamespace(mail_id='1', state='failed', fault=None))"
    ),
    "hooks python 2": Given(
        then="from urllib.parse import urlsplit\nfrom notifier.delivery.webhook import Webhook\n"
        "from notifier.model.hook import HookEvent\nfrom notifier.model.secret import Secret\nimport inspect\n"
        "url = 'https://example.com/mail-events'\n"
        "event = HookEvent(**{name: '' for name, one in inspect.signature(HookEvent).parameters.items() if one.default is one.empty})\n"
        "request = Webhook(Secret(url), '2026-01', Secret(SECRETS['2026-01']))._request(urlsplit(url), event, time.time())\n"
        "head, _, body = request.partition(b'\\r\\n\\r\\n')\n"
        "headers = dict(line.split(': ', 1) for line in head.decode().splitlines()[1:])\n"
        "assert is_genuine(headers, body)\nassert not is_genuine(headers, body + b' ')",
    ),
    "hostile-server python 1": Given(
        "from notifier.model.envelope import Envelope, MailObject\nfrom notifier.smtp import Endpoint, Session, TLSPolicy\n"
        "def send_something_to(host, port):\n"
        "    mail = MailObject(Envelope('a@shop.example', ('b@example.com',)), b'Subject: x\\r\\n\\r\\nx\\r\\n')\n"
        "    (outcome,) = Session.open(Endpoint(host, port, tls=TLSPolicy.NONE)).send_many([mail], before_dot=lambda positions: None)\n"
        "    return next(iter(outcome.recipients.values())).state",
        "test_a_lost_250_is_not_taken_for_a_failure()\ntest_the_second_recipient_is_unknown()",
    ),
    "metrics python 1": Given("def set_up_your_provider(): pass", "trace_in_this_child()"),
    "own-messages python 1": Given(
        "from email.message import EmailMessage\nmessage = EmailMessage()\nmessage['From'] = 'shop@example.com'\n"
        "message['To'] = 'zoe@example.com'\nmessage.set_content('Hello')\noctets = message.as_bytes()",
    ),
    "relays python 1": Given(
        # A provider on loopback, which answers what it was asked.
        "import json, os, threading\nfrom http.server import BaseHTTPRequestHandler, HTTPServer\nfrom pathlib import Path\n"
        "from urllib.parse import parse_qs\n"
        "class Provider(BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        asked = parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())\n"
        "        self.send_response(200)\n        self.end_headers()\n"
        "        self.wfile.write(json.dumps({'access_token': asked['client_id'][0] + asked['client_secret'][0]}).encode())\n"
        "    def log_message(self, *_): pass\n"
        "provider = HTTPServer(('127.0.0.1', 0), Provider)\n"
        "threading.Thread(target=provider.serve_forever, daemon=True).start()\n"
        "os.environ |= {'CLIENT_ID': 'me', 'CLIENT_SECRET_FILE': 'client-secret'}\nPath('client-secret').write_text('secret')\n",
        "from notifier.settings.token_file import TokenFile\n"
        "assert TokenFile(TOKEN)().reveal() == 'mesecret'\nassert TOKEN.stat().st_mode & 0o077 == 0\nprovider.shutdown()",
        {
            '"https://login.microsoftonline.com/TENANT-ID/oauth2/v2.0/token"': "f'http://127.0.0.1:{provider.server_port}/'",
            'Path("/run/notifier/token")': "Path('token').resolve()",
        },
    ),
    "relays python 2": Given(
        "def ask_the_identity_provider(): return 'token'",
        "assert session.token().reveal() == 'token'",
        {"Session.open(Endpoint(": "(Endpoint("},  # nobody listens there; the endpoint is the same
    ),
    "reports python 1": Given(
        "def orders_between(start, end): return [(1, 7.5)]",
        "from datetime import UTC, datetime\nresult = weekly_orders(Period(*[datetime(2026, 11, day, tzinfo=UTC) for day in (16, 23)]))\n"
        "assert len(result.attachments) == 2",
    ),
    "signed-payloads python 1": Given(
        "import os\nfrom celery import Celery\nSECRET = 's' * 32\napp = Celery(broker=os.environ['NOTIFIER_BROKER_URL'])",
        "from notifier.delivery.signatures import SigningKey, check_signature\nfrom notifier.model.secret import Secret\n"
        "keys = [SigningKey('web-1', Secret(SECRET))]\n"
        "check_signature(mail, signature, task_id=task_id, keys=keys, now=time.time())",
    ),
    "tenants-and-limits python 1": Given("from notifier import send_email"),
    "testing python 1": Given(process="pytest"),
    "testing python 2": Given(
        "from notifier import send_email\n"
        "def place_order(_): send_email.delay(template='welcome', to='zoe@example.com', context={'name': 'Zoë'})",
        process="pytest",
    ),
    "testing python 4": Given(
        "from notifier import send_email\n"
        "def send_invoice(number, locale): send_email.delay(template='welcome', to='zoe@example.com', context={'name': 'Zoë'}, locale=locale)",
        process="pytest",
    ),
    "testing python 5": Given(
        "import smtplib, ssl\ndef send_something_to(host, port):\n"
        "    with smtplib.SMTP(host, port) as client:\n"
        "        client.starttls(context=ssl._create_unverified_context())\n        client.login('zoe', 'secret')\n"
        "        client.sendmail('a@example.com', ['b@example.com'], 'Subject: x\\n\\nx\\n')",
    ),
    "worker-pools python 1": Given(then="import socket\nassert monkey.is_module_patched('socket')", process="gevent"),
}
RUN = [name for name in PYTHON if name not in ELSEWHERE and name not in NOT_RUN]
RUNNER = TOP / "tests" / "programs" / "documented_python.py"
TOML = {block.name: block.code for block in blocks("toml")}
OWN_TEMPLATES = {  # which samples call by these names, as templates of the reader's own
    "news": "News for {{ name }}",
    "appointment": "An appointment",
    "report": "A report",
    "shop/welcome": "Welcome, {{ name }}",
}


@dataclass
class Reader:
    """Somebody with a folder, a store and a relay, who copies what the pages have."""

    folder: Path
    environ: dict[str, str]
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, process: str, names: list[str]) -> None:
        """All samples of one process; the input waits in the pipe."""
        jobs = [self.job(PYTHON[name], GIVEN.get(name, Given())) for name in names]
        command = [sys.executable, "-P", str(RUNNER)]
        if process == "pytest":
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--update-mail-snapshots",
                *self.tests(jobs),
            ]
        environ = (
            self.environ if process != "pytest" else {n: t for n, t in self.environ.items() if n[:8] != "NOTIFIER"}
        )
        self.running[process] = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if process != "pytest":
            stdin = self.running[process].stdin
            assert stdin is not None
            stdin.write(json.dumps(jobs))
            stdin.close()
            self.running[process].stdin = None

    def job(self, block: Block, given: Given) -> dict[str, str]:
        code = block.code
        for outside, ours in given.instead.items():
            assert outside in code, f"{block.name} has no {outside} any more"
            code = code.replace(outside, ours)
        return {"page": block.page.stem, "name": block.name, "given": given.before, "code": code, "then": given.then}

    def tests(self, jobs: list[dict[str, str]]) -> list[str]:
        """A file of tests for each, for those that are tests."""
        for job in jobs:
            (self.folder / f"test_{job['name'].replace(' ', '_')}.py").write_text(f"{job['given']}\n\n{job['code']}")
        return [f"test_{job['name'].replace(' ', '_')}.py" for job in jobs]

    def became(self, process: str) -> str:
        """What a process has said, once it has ended."""
        output, _ = self.running[process].communicate(timeout=270)
        return output


def files(folder: Path) -> None:
    """What the pages say that a reader has."""
    for name in ("worker.py", "celeryconfig.py"):
        shutil.copy(TOP / name, folder)
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "celery.py").write_text(PYTHON["celery-apps python 1"].code)
    (folder / "shop" / "celeryconfig.py").write_text("import os\nbroker_url = os.environ.get('NOTIFIER_BROKER_URL')\n")
    database = f"{{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(folder / 'db')!r}}}}}"
    (folder / "shop" / "settings.py").write_text(
        "SECRET_KEY, USE_TZ = 'x', True\nINSTALLED_APPS = ['shop', 'notifier.integrations.django']\n"
        f"DATABASES = {database}\nTEMPLATES = [{{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}}]\n"
    )
    for name, subject in OWN_TEMPLATES.items():
        there = folder / ("shop/templates" if "/" in name else "templates") / name
        there.mkdir(parents=True)
        ending = "" if "/" in name else ".j2"
        (there / f"subject.txt{ending}").write_text(subject)
        (there / f"{'body' if '/' in name else 'text'}.txt{ending}").write_text(subject)
    (folder / "bulk.url").write_text("smtp://user:password@relay.example.com")
    (folder / "bulk.url").chmod(0o600)
    (folder / "tenants.toml").write_text(TOML["tenants-and-limits toml 1"])


@pytest.fixture(scope="module")
def became(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What became of each sample: nothing to say, or what went wrong."""
    folder = tmp_path_factory.mktemp("reader")
    files(folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    with EmbeddedValkey() as valkey, CatchingServer() as relay:
        settings = {
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": relay.url,
            "NOTIFIER_FROM": "Shop <shop@example.com>",
            "NOTIFIER_TEMPLATES": str(folder / "templates"),
            "NOTIFIER_TENANTS": str(folder / "tenants.toml"),
            "NOTIFIER_ATTACHMENT_URLS": "memory://reports/",
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            "NOTIFIER_UNSUBSCRIBE_URL": "https://shop.example/unsubscribe",
            "NOTIFIER_UNSUBSCRIBE_KEYS": f"2026:{'k' * 32}",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        }
        reader = Reader(folder, {**clean, **settings, "PYTHONPATH": f"{folder}:{TOP}"})
        processes = {GIVEN.get(name, Given()).process for name in RUN}
        for process in sorted(processes):
            reader.start(process, [name for name in RUN if GIVEN.get(name, Given()).process == process])
        yield told(reader)


def told(reader: Reader) -> dict[str, str]:
    """Sample by sample."""
    all_of_them: dict[str, str] = {}
    for process, one in reader.running.items():
        output = reader.became(process)
        names = [name for name in RUN if GIVEN.get(name, Given()).process == process]
        if process == "pytest":
            all_of_them |= dict.fromkeys(names, "" if one.returncode == 0 else output)
        else:
            last = output.strip().splitlines()[-1] if one.returncode == 0 else ""
            all_of_them |= json.loads(last) if last.startswith("{") else dict.fromkeys(names, output)
    return all_of_them


@pytest.mark.parametrize("name", RUN)
def test_a_sample_runs_as_it_stands(name: str, became: dict[str, str]) -> None:
    assert not became[name], f"\n{became[name]}"


def test_what_is_said_of_a_sample_is_about_one_that_there_is() -> None:
    assert {*GIVEN, *ELSEWHERE, *NOT_RUN} <= set(PYTHON)
