"""One sender at work: ``python -m benchmarks.smtp.peers NAME PORT COUNT`` prints seconds and processor time as JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import smtplib
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.smtp.messages import RECIPIENT, SENDER, messages

WARM_UP = 20  # mails, sent first and not measured: imports, caches
Sender = Callable[[int, Sequence[bytes]], None]


def smtplib_kept(port: int, mails: Sequence[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
        for mail in mails:
            client.sendmail(SENDER, [RECIPIENT], mail)


def smtplib_new(port: int, mails: Sequence[bytes]) -> None:
    for mail in mails:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
            client.sendmail(SENDER, [RECIPIENT], mail)


def aiosmtplib_kept(port: int, mails: Sequence[bytes]) -> None:
    import aiosmtplib

    async def run() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="client.example", start_tls=False)
        async with client:
            for mail in mails:
                await client.sendmail(SENDER, [RECIPIENT], mail)

    asyncio.run(run())


def notifier_session(port: int, mails: Sequence[bytes], window: int = 1) -> None:
    from notifier.model.envelope import Envelope, MailObject
    from notifier.model.outcome import RecipientState
    from notifier.smtp import Endpoint, Session, TLSPolicy

    where = Endpoint("127.0.0.1", port, tls=TLSPolicy.NONE, ehlo_name="client.example", window=window)
    with Session.open(where) as session:
        objects = [MailObject(Envelope(SENDER, (RECIPIENT,)), mail) for mail in mails]
        for outcome in session.send_many(objects):
            assert outcome.recipients[RECIPIENT].state is RecipientState.ACCEPTED


def notifier_window(port: int, mails: Sequence[bytes]) -> None:
    notifier_session(port, mails, window=64)


def notifier_dropin(port: int, mails: Sequence[bytes]) -> None:
    from notifier import smtp

    with smtp.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
        for mail in mails:
            client.sendmail(SENDER, [RECIPIENT], mail)


SENDERS: dict[str, Sender] = {
    "smtplib, one kept": smtplib_kept,
    "smtplib, new connection each": smtplib_new,
    "aiosmtplib, one kept": aiosmtplib_kept,
    "notifier.smtp.SMTP (the drop-in)": notifier_dropin,
    "notifier, DATA": notifier_session,
    "notifier, CHUNKING": notifier_session,
    "notifier, CHUNKING, window of 64": notifier_window,
}


def main() -> None:
    name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    mails = list(messages(count))
    SENDERS[name](port, mails[:WARM_UP])
    mails = mails[WARM_UP:]
    gc.collect()
    gc.freeze()  # the messages are the benchmark's own, not the sender's
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    SENDERS[name](port, mails)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"mails": len(mails), "seconds": seconds, "processor": processor}))


if __name__ == "__main__":
    main()
