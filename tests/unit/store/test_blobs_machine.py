"""Mails that come, go, fail and are sought again, and the files that they refer to: nothing needed is ever collected,
and nothing that is not needed stays.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from driven import driven
from fake_ledger import Clock, fake_redis, fake_store
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_conformance import an_email

from notifier.errors import BlobUnavailable
from notifier.model.email import AttachmentRef
from notifier.model.state import MailState
from notifier.store import blob_name
from notifier.store.base import Settlement
from notifier.store.blobs import InDirectory
from notifier.store.blobs.outsourced import LARGE
from notifier.store.blobs.place import TURNS

DAY = 86_400.0
FILES = [bytes([number]) * 40 for number in range(4)]
MESSAGE = b"Subject: x\r\n\r\n" + b"y" * LARGE


class BlobsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ends = ExitStack()
        self.root = Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock()
        self.ends.enter_context(fake_redis(self.clock))
        self.store = fake_store(blobs=InDirectory(self.root))
        self.needed: dict[str, set[str]] = {}  # of mails that have not ended
        self.kept: dict[str, tuple[float, set[str]]] = {}  # of mails that have ended: until when
        self.shared: dict[str, float] = {}  # stored for mails to come: until when
        self.dead: list[str] = []
        self.composed: set[str] = set()
        self.young: set[str] = set()  # put in the last hour
        self.young_payload = False

    def teardown(self) -> None:
        self.store.close()
        self.ends.close()

    @rule(data=st.sampled_from(FILES))
    def an_application_puts_a_file_and_crashes(self, data: bytes) -> None:
        self.young.add(self.store.put_blob(data))

    @rule(data=st.sampled_from(FILES), days=st.sampled_from([0.05, 2.0, 5.0]))
    def somebody_stores_one_for_many_mails(self, data: bytes, days: float) -> None:
        name = self.store.shared.put(data, tenant="shop", keep=days * DAY)
        self.shared[name] = max(self.shared.get(name, 0.0), self.clock.now + days * DAY)
        self.young.add(name)

    @rule(data=st.sampled_from(FILES))
    def a_mail_names_it(self, data: bytes) -> None:
        name = blob_name(data)
        if name not in self.shared:
            try:
                self.store.shared.use("shop", name)
            except BlobUnavailable:
                return
            raise AssertionError("nobody has stored it, or its time is over")
        size = self.store.shared.use("shop", name)
        email = an_email(
            attachments=(AttachmentRef("a", "text/plain", name, size),), expires_at=self.clock.now + 900 * DAY
        )
        self.store.add([email])
        self.needed[email.id] = {name}
        self.young.add(name)

    @rule(files=st.lists(st.sampled_from(FILES), max_size=3), long=st.booleans(), times=st.integers(1, 2))
    def a_mail_is_enqueued(self, files: list[bytes], long: bool, times: int) -> None:
        names = [self.store.put_blob(data) for data in files]
        refs = tuple(AttachmentRef("a", "text/plain", name, 40) for name in names)
        email = an_email(
            attachments=refs, context={"text": "z" * LARGE if long else ""}, expires_at=self.clock.now + 900 * DAY
        )
        for _ in range(times):  # the second time is a retry of the application's
            self.store.add([email])
        self.needed[email.id] = set(names)
        self.young |= set(names)
        self.young_payload |= long

    @rule(state=st.sampled_from([MailState.SENT, MailState.WAITING, MailState.FAILED]), composed=st.booleans())
    def a_worker_takes_a_mail(self, state: MailState, composed: bool) -> None:
        for claim in self.store.claim("mail", "worker-1", 1):
            assert {ref.blob for ref in claim.email.attachments} == self.needed[claim.mail_id]
            assert claim.composed == (MESSAGE if claim.mail_id in self.composed else None)
            self.store.begin_dot([claim])
            keep = composed and claim.composed is None and state is not MailState.SENT
            self.store.settle([Settlement(claim, state, composed=MESSAGE if keep else None)])
            if keep:
                self.composed.add(claim.mail_id)
                self.young.add(blob_name(MESSAGE))
            if state is MailState.FAILED:
                self.dead.append(claim.mail_id)
            if state is MailState.SENT:
                self.ended(claim.mail_id)

    @rule(again=st.booleans())
    def a_person_decides_on_a_dead_letter(self, again: bool) -> None:
        for mail_id in self.dead[:1]:
            self.dead.remove(mail_id)
            self.store.resolve(mail_id, MailState.WAITING if again else MailState.DISCARDED)
            if not again:
                self.ended(mail_id)

    @rule()
    def somebody_cancels(self) -> None:
        for mail in self.store.list_mails("mail", MailState.WAITING, limit=1):
            self.store.cancel(mail.mail_id)
            self.ended(mail.mail_id)

    def ended(self, mail_id: str) -> None:
        self.kept[mail_id] = (self.clock.now + 7 * DAY, self.needed.pop(mail_id))
        self.composed.discard(mail_id)

    @rule(days=st.sampled_from([0.1, 3.0, 8.0]))
    def time_passes(self, days: float) -> None:
        self.clock.now += days * DAY
        for file in self.files():
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - days * DAY))
        self.young.clear()
        self.young_payload = False
        self.store.sweep("mail")
        self.kept = {mail_id: kept for mail_id, kept in self.kept.items() if kept[0] > self.clock.now}
        self.shared = {name: until for name, until in self.shared.items() if until > self.clock.now}
        self.store.shared._used.clear()  # a day is long for a minute's memory

    @rule()
    def the_collector_goes_round(self) -> None:
        for _ in range(TURNS):
            self.store.collect_blobs()
        wanted = self.wanted()
        left = {file.name for file in self.files()}
        assert wanted <= left
        # What else is there is young, or holds a payload or a message of a mail that has not ended.
        contents = {file.name for file in self.files() if file.stat().st_size > LARGE}
        assert left - wanted <= self.young | contents
        if not (self.needed or self.young or self.young_payload):
            assert left == wanted

    def wanted(self) -> set[str]:
        return set(self.shared).union(*self.needed.values(), *(names for _, names in self.kept.values()))

    def files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]

    @invariant()
    def every_file_that_a_mail_needs_is_there(self) -> None:
        for name in self.wanted():
            try:
                self.store.get_blob(name)
            except BlobUnavailable as error:
                raise AssertionError("collected, and needed") from error


TestBlobs = BlobsMachine.TestCase
TestBlobs.settings = driven(25, steps=25)
