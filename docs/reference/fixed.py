"""Numbers of the pool and of its sessions that nobody can set, each with its reason; the page on relays' URLs shows them."""

from __future__ import annotations

from typing import NamedTuple

from notifier.delivery.courier import Timing
from notifier.model.breaker import HOST_RULE
from notifier.model.limits import LATER, PATIENCE
from notifier.pool import local_breakers, mx, relays, slots, verdicts
from notifier.smtp import endpoint, outbox, proxy, quota, race, resolving, session, stream, window, wire
from notifier.store import limits
from notifier.tasks import worker


class Fixed(NamedTuple):
    """One row. ``names``: what the code calls it, module and name."""

    what: str
    value: str
    why: str
    names: tuple[str, ...] = ()


def _seconds(value: float) -> str:
    return f"{value:g} s"


def _share(value: float) -> str:
    return {1 / 6: "sixth"}[value]


FIXED: tuple[Fixed, ...] = (
    Fixed(
        "the spread of `max_age`",
        "a tenth, either way",
        "Sessions that were opened together do not end together; more would make the age say little.",
    ),
    Fixed(
        "lent sessions at a process's end",
        _seconds(worker.CLOSE_GRACE),
        "Celery has waited for the tasks by then, so hardly any is lent. Longer, and whoever stops workers kills them in the middle of QUIT.",
        ("notifier.tasks.worker.CLOSE_GRACE",),
    ),
    Fixed(
        "a relay that is full is asked again",
        f"after {_seconds(relays.FULL_WAIT)}",
        "Sessions come and go in seconds; sooner, and those that wait would knock more than they send.",
        ("notifier.pool.relays.FULL_WAIT",),
    ),
    Fixed(
        "a clean breaker is asked again",
        f"after {_seconds(relays.CLEAN_FOR)}",
        "Or each mail would ask the store. What opens meanwhile costs each process a mail at most, and no login: that asks again.",
        ("notifier.pool.relays.CLEAN_FOR",),
    ),
    Fixed(
        "a paused relay is looked at again",
        f"after {_seconds(relays.PAUSED_FOR)}",
        "An operator has paused it, and whoever resumes it wakes its mails; this is for one whose word was lost.",
        ("notifier.pool.relays.PAUSED_FOR",),
    ),
    Fixed(
        "while one tries a login that is new, others ask again",
        f"after {_seconds(local_breakers.OTHERS_WAIT)}",
        "A login takes a second or so; the script on the store has the same number.",
        ("notifier.pool.local_breakers.OTHERS_WAIT",),
    ),
    Fixed(
        "logins of one account that are under way at once",
        f"{local_breakers.LOGINS_AT_ONCE}, one after a failure; one that is never heard of again counts for {_seconds(local_breakers.LOGIN)}",
        "All of them fail where the password has changed, and relays lock accounts. The script on the store has the same numbers.",
        ("notifier.pool.local_breakers.LOGINS_AT_ONCE", "notifier.pool.local_breakers.LOGIN"),
    ),
    Fixed(
        "while one probes a relay, others ask again",
        f"after a {_share(local_breakers.OTHERS_WAIT_SHARE)} of the time it was open, {_seconds(local_breakers.OTHERS_WAIT_MOST)} at most",
        "All that waits is claimed and put off each time, and a probe may take half a minute ([why](../adr/0052-a-dead-relay-holds-up-its-own-mails.md)).",
        ("notifier.pool.local_breakers.OTHERS_WAIT_SHARE", "notifier.pool.local_breakers.OTHERS_WAIT_MOST"),
    ),
    Fixed(
        "silences in a row that open a relay's breaker",
        str(verdicts.SILENCES),
        "Each takes a worker's time for as long as its time limit; other failures are quick.",
        ("notifier.pool.verdicts.SILENCES",),
    ),
    Fixed(
        "a mail waits for its turn to connect to a relay",
        f"{_seconds(PATIENCE)}, and comes back after {_seconds(LATER)}; "
        f"{_seconds(limits.PATIENCE_IN_DOUBT)} and {_seconds(limits.LATER_IN_DOUBT)} after a connection that failed",
        "A relay that is well is ready within a second. All that waits longer is claimed and put off each time.",
        (
            "notifier.store.limits.PATIENCE_IN_DOUBT",
            "notifier.store.limits.LATER_IN_DOUBT",
        ),
    ),
    Fixed(
        "and where mails are due and every slot is at work",
        f"{_seconds(limits.HURRIED_PATIENCE)}, or twice as long as the relay took the last time if that is more, and not at all after one that failed; the rest of that second in the ledger",
        "Else all slots of a worker would wait for one relay, and it may be dead ([why](../adr/0052-a-dead-relay-holds-up-its-own-mails.md)).",
        ("notifier.store.limits.HURRIED_PATIENCE",),
    ),
    Fixed(
        "mails behind another relay's in a batch are given back",
        f"after {_seconds(Timing().held_up)} without a session or an outcome",
        "For whoever has time; who waits for that relay cannot do it. Sooner, and relays that are well and answer slowly would be claimed and composed again and again.",
    ),
    Fixed(
        "whose turn it is not asks the store again",
        f"after {slots.ASK_EVERY[0]:g} to {slots.ASK_EVERY[1]:g} s",
        "The nearest relays are ready in hundredths of a second; who waits longer asks less often.",
        ("notifier.pool.slots.ASK_EVERY",),
    ),
    Fixed(
        "what became of a connection is said to the store",
        f"within {slots.SAY_WITHIN:g} s",
        "With the question for the next connection, where one comes by then: it would have to wait for a word of its own.",
        ("notifier.pool.slots.SAY_WITHIN",),
    ),
    Fixed(
        "a probe that is never heard of again is replaced",
        f"after {_seconds(HOST_RULE.probe)}",
        "Longer than connecting, greeting and login may take together; its worker was killed.",
    ),
    Fixed(
        "a breaker's share of failures",
        f"over {HOST_RULE.share:g} of the last {HOST_RULE.last}",
        "For a relay that fails now and then. How many in a row, and how long it is open, are [settings](settings.md).",
    ),
    Fixed(
        "a connection that nobody keeps counts",
        f"for {_seconds(limits.LEASE)}, kept every {_seconds(slots.KEEP_EVERY)}",
        "A killed worker's connections end by themselves, and one round trip to the store may fail in between.",
        ("notifier.store.limits.LEASE", "notifier.pool.slots.KEEP_EVERY"),
    ),
    Fixed(
        "octets that nobody acknowledges are given up by the system",
        f"{_seconds(endpoint.BEHIND_US)} behind `timeout_body_block`",
        "Whoever takes nothing more is given up by us first, and then it is known which mail that was.",
        ("notifier.smtp.endpoint.BEHIND_US",),
    ),
    Fixed(
        "a turn to connect is kept",
        f"every {_seconds(slots.KEEP_TURNS_EVERY)}",
        "While one connects to a relay of which none has a connection yet, others wait. Of three times as long nothing is heard from whoever "
        "was killed or is frozen: then it is the next one's turn.",
        ("notifier.pool.slots.KEEP_TURNS_EVERY",),
    ),
    Fixed(
        "after a relay's complaint, one connection or a tenth of the rate comes back",
        f"every {_seconds(limits.RECOVER)} without another",
        "All workers learn from one complaint; sooner, and the relay would complain all day.",
        ("notifier.store.limits.RECOVER",),
    ),
    Fixed(
        "complaints that are one",
        f"within {_seconds(limits.PAUSE)}",
        "What was under way when the first one came is answered by then.",
        ("notifier.store.limits.PAUSE",),
    ),
    Fixed(
        "pools of recipients' servers (`mx://`) in a process",
        str(mx.MOST_POOLS),
        "Each may have sessions parked, and a thread that looks after them. Those that were used last are kept.",
        ("notifier.pool.mx.MOST_POOLS",),
    ),
    Fixed(
        "domains of which a process remembers how they did (`mx://`)",
        f"{mx.MOST_DOMAINS:,}",
        "It decides who comes first in a batch; a domain that was forgotten comes in the middle.",
        ("notifier.pool.mx.MOST_DOMAINS",),
    ),
    Fixed(
        "all look-ups for a domain (`mx://`)",
        _seconds(mx.LOOKUPS),
        "As long as the TCP connection behind them may take.",
        ("notifier.pool.mx.LOOKUPS",),
    ),
    Fixed(
        "the next address of a host is tried beside the one before",
        f"after {_seconds(race.ATTEMPT_DELAY)}",
        "RFC 8305 section 5. An address that swallows everything costs no more than this.",
        ("notifier.smtp.race.ATTEMPT_DELAY",),
    ),
    Fixed(
        "addresses of a host that are tried",
        str(resolving.MOST_ADDRESSES),
        "A name with a thousand addresses must not make a scanner of a worker.",
        ("notifier.smtp.resolving.MOST_ADDRESSES",),
    ),
    Fixed(
        "what was learned of a relay that ends connections early",
        f"is kept {_seconds(quota.KEPT)}",
        "Then one connection finds out whether it is still so.",
        ("notifier.smtp.quota.KEPT",),
    ),
    Fixed(
        "the end of a connection tells how many mails the relay takes in one",
        f"within {_seconds(session.IDLE)} of its last reply",
        "Later it may be told of idleness, for which RFC 5321 section 4.5.3.2.7 asks a server to wait for five minutes.",
        ("notifier.smtp.session.IDLE",),
    ),
    Fixed(
        "a window grows again",
        f"after {window.TRUST} mails that went well",
        "Each that is in flight when a line breaks is unknown: trust grows slowly.",
        ("notifier.smtp.window.TRUST",),
    ),
    Fixed(
        "a server closes after its reply to QUIT",
        f"within {_seconds(session.HANGING_UP)}, or is left",
        "So that a relay which counts connections does not count one too many; its FIN mostly comes with the reply.",
        ("notifier.smtp.session.HANGING_UP",),
    ),
    Fixed(
        "an HTTP proxy's answer",
        f"{proxy.MAX_HEAD // 1024} KiB at most",
        "A few header fields; whatever is longer is no proxy's answer.",
        ("notifier.smtp.proxy.MAX_HEAD",),
    ),
    Fixed(
        "octets that are read, encrypted and written at once",
        f"{stream.READ_SIZE // 1024}, {stream.RECORD // 1024} and {outbox.FULL // 1024} KiB",
        "As many as a TLS record has, and as many as keep a line busy; more is memory for nothing.",
        ("notifier.smtp.stream.READ_SIZE", "notifier.smtp.stream.RECORD", "notifier.smtp.outbox.FULL"),
    ),
    Fixed(
        "a server that was read from is not looked at again before a message",
        f"for {wire.JUST_NOW * 1e6:g} µs",
        "Another look would be a system call for nothing.",
        ("notifier.smtp.wire.JUST_NOW",),
    ),
)
