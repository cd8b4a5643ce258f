"""Which steps of the ledger wait for the disk: those of mails whose class, or the store, wants it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from notifier.model.email import Email
from notifier.model.mail_class import Durability, MailClass


class Disk:
    """``default`` is for classes that say nothing, and for those that are not known here."""

    def __init__(self, default: Durability, classes: Mapping[str, MailClass]) -> None:
        self._by_default = default is Durability.FSYNC
        said = {name: one.durability for name, one in classes.items() if one.durability is not None}
        self._said = {name: durability is Durability.FSYNC for name, durability in said.items()}

    @property
    def ever(self) -> bool:
        """True where some mail may want it: what a step is about is not always known, and then it waits."""
        return self._by_default or any(self._said.values())

    def waited_for(self, emails: Iterable[Email]) -> bool:
        """True where one of the mails wants it: they take one step, and the disk is waited for once."""
        return any(self._said.get(email.mail_class, self._by_default) for email in emails)
