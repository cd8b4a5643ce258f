"""The life of a pool as an operator reads it in a worker's log, and what must never stand there."""

from __future__ import annotations

import base64
import re
import signal
import threading
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from test_proxies import PASSWORD, USER, SocksServer, where
from workers import Plant, plant, wait_until

from notifier import send_bulk, send_email, status
from notifier.errors import DeliveryError, Phase
from notifier.tasks.runtime import runtime
from notifier.testing import CatchingServer, HostileServer, Moment, Refuse, Script

SECRET = "canary-Zs1f-7Kq"
TOKEN = "canary-ya29.a0Af-Tk"
BEARER = f"user=zoe\1auth=Bearer {TOKEN}\1\1"  # as XOAUTH2 says it
PARROT = Refuse(f"535 5.7.8 no login for {TOKEN} ({base64.b64encode(BEARER.encode()).decode()})")


def send(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients) if row.result]


def url(server: CatchingServer, password: str) -> str:
    return f"{server.url.replace('://', f'://zoe:{password}@')}&pool=1&messages_per_connection=20"


def appears(made: Plant, *patterns: str) -> None:
    for pattern in patterns:
        wait_until(lambda pattern=pattern: re.search(pattern, made.logs()) is not None, f"{pattern} in the log")


def disguises(secret: str) -> list[str]:
    """As it stands in the URL, and as AUTH PLAIN and LOGIN say it."""
    return [secret, *(base64.b64encode(text.encode()).decode() for text in (secret, f"\0zoe\0{secret}"))]


def test_a_pool_can_be_followed_and_tells_no_secret(tmp_path: Path) -> None:
    slow = Script().delay(Phase.FINAL_REPLY, 0.01)
    out_of_patience = threading.Event()
    with (
        CatchingServer(credentials={"zoe": SECRET}, script=slow, patience=out_of_patience) as relay,
        plant(tmp_path) as made,
    ):
        made.use(NOTIFIER_SMTP_URL=url(relay, SECRET), NOTIFIER_BATCH="3", NOTIFIER_BREAKER_FAILURES="100")
        worker = made.start_worker("-P", "threads", "-l", "DEBUG", slots=3)
        made.settle(send(1), "sent")  # the login is known to work
        made.settle(send(60), "sent")
        appears(
            made,
            r"session 1 to 127.0.0.1:\d+ opened in [\d.]+ s, TLSv1.3",
            r"session \d+ to \S+ reused after \d+ mails",
            r"session \d+ to \S+ retired \(uses\) after 20 mails",
            r"a session to \S+ was waited for, \d",
        )
        out_of_patience.set()
        wait_until(lambda: relay.visits.now == 0, "the relay has left who was silent")
        out_of_patience.clear()
        made.settle(send(3), "sent")
        relay.stop()  # without a word
        ids = send(1)
        appears(
            made,
            r"retired \(said_421\) after \d+ mails",
            r"retired \(peer_closed\) after 3 mails",
            r"no session to \S+ opened after [\d.]+ s: .*[Cc]onnection refused",
        )
        relay.start()
        made.settle(ids, "sent")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: not worker.running, "the worker ends by itself")
        appears(made, r"retired \(closed\) after 1 mails")
        made.use(NOTIFIER_SMTP_URL=url(relay, f"wrong-{SECRET}"))
        made.start_worker("-l", "DEBUG", slots=1)
        send(1)
        appears(made, r"no session to \S+ opened after [\d.]+ s: .*535")
        assert [word for word in (*disguises(SECRET), *disguises(f"wrong-{SECRET}")) if word in made.logs()] == []


def through_a_proxy(relay: HostileServer, proxy: SocksServer, folder: Path, password: str = PASSWORD) -> str:
    token = folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    port = proxy.proxy().port
    written = f"socks5://{quote(USER)}:{quote(password)}@127.0.0.1:{port}"
    options = f"ca={relay.ca_file}&token_file={token}&proxy={quote(written)}&messages_per_connection=1"
    return f"smtp://zoe@{relay.host}:{relay.port}?{options}"


def told_directly() -> str:
    """What a program is told that sends at once: the error with all that stands behind it."""
    with pytest.raises(DeliveryError) as caught:
        send_email(template="welcome", to="n@example.com", context={"name": "Zoë"})
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value)


def shown_here() -> str:
    """What a debugger would show of this process."""
    mine = runtime()
    pools = [pool for ways in (mine.ways_out, mine._inline) if ways is not None for pool in ways.pools]
    return repr([mine, mine.settings, *pools, *(pool.endpoint for pool in pools)])


def test_neither_a_proxys_password_nor_a_token_is_told_by_a_log_an_error_or_a_repr(tmp_path: Path) -> None:
    with (
        HostileServer(tls=True, offers=("AUTH XOAUTH2",)) as relay,
        SocksServer(where(relay), login=True) as proxy,
        plant(tmp_path) as made,
    ):
        open_shortly = {"NOTIFIER_BREAKER_FAILURES": "100", "NOTIFIER_ACCOUNT_BREAKER_OPEN": "1"}
        made.use(NOTIFIER_SMTP_URL=through_a_proxy(relay, proxy, tmp_path), **open_shortly)
        made.start_worker("-l", "DEBUG", slots=1)
        made.settle(send(1), "sent")
        relay.plan[Moment.AUTH] = PARROT  # it says what it was told, in clear and as it came
        (refused,) = send(1)
        appears(made, r"no session to \S+ opened after [\d.]+ s: .*535")
        wait_until(lambda: bool(status(refused).history), "the mail knows why it waits")
        errors = [told_directly(), shown_here(), repr(status(refused))]
        made.use(NOTIFIER_SMTP_URL=through_a_proxy(relay, proxy, tmp_path, password=f"wrong-{SECRET}"))
        made.start_worker("-l", "DEBUG", slots=1)
        send(1)
        appears(made, r"no session to \S+ opened after [\d.]+ s: .*refuses the user or the password")
        errors += [told_directly(), shown_here()]
        told = "\n".join([made.logs(), *errors])
        assert "refuses the user or the password" in errors[-2]
        assert "no login for ***" in told, "the relay did say it"
        assert b"XOAUTH2" in b"".join(relay.heard)
        secrets = (PASSWORD, quote(PASSWORD), quote(quote(PASSWORD)), TOKEN, BEARER, f"wrong-{SECRET}")
        assert [word for secret in secrets for word in disguises(secret) if word in told] == []
