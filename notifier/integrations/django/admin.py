"""The admin's pages: the outbox, and the mails in the ledger. None shows what a mail says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from notifier.errors import NotifierError, StoreUnavailable
from notifier.integrations.django.admin_ledger import LedgerMailAdmin
from notifier.integrations.django.admin_permissions import OnlyDecidedOn
from notifier.integrations.django.models import LedgerMail, OutboxMail
from notifier.integrations.django.outbox_deciding import give_up, send_again

SHOWN = 3  # recipients in the list

Decide = Callable[[str, OutboxMail, str], None]


@admin.register(OutboxMail)
class OutboxMailAdmin(OnlyDecidedOn):
    """Rows are looked at and decided on, and never edited: the sweeper writes them."""

    list_display = ("id", "state", "outcome", "template", "mail_class", "to", "created_at", "hand_overs", "why")
    list_filter = ("state", "outcome", "mail_class", "queue", "template")
    search_fields = ("=id", "=ledger_id", "recipients", "=template")
    search_help_text = "An id, a part of an address, or the name of a template"
    date_hierarchy = "created_at"
    actions = ("send_again", "give_up")
    # Not the payload and not the attachments: they hold reset links, codes and people's affairs.
    fields = (
        "id",
        "state",
        "outcome",
        "why",
        "recipients",
        "template",
        "mail_class",
        "queue",
        "tenant",
        "created_at",
        "expires_at",
        "hand_overs",
        "look_at",
        "known_at",
        "settled_at",
        "epoch",
        "ledger_id",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxMail]:
        """Without what the mails say."""
        found: QuerySet[OutboxMail] = super().get_queryset(request)
        return found.defer("payload")

    def lookup_allowed(self, lookup: str, *arguments: Any) -> bool:
        """Not on what is not shown: ``?payload__contains=…`` would tell a reset link letter by letter."""
        return lookup.partition("__")[0] in self.fields and bool(super().lookup_allowed(lookup, *arguments))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No field is edited; what the permission is for are the decisions."""
        del request, obj
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may change outbox mails."""
        return bool(request.user.has_perm("notifier.change_outboxmail"))

    @admin.display(description="recipients")
    def to(self, row: OutboxMail) -> str:
        """The first of them."""
        found = row.recipients.split("\n")
        return ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")

    @admin.action(description="Send again (held mails and dead letters)", permissions=("decide",))
    def send_again(self, request: HttpRequest, chosen: QuerySet[OutboxMail]) -> None:
        """Once more under the same id."""
        self._decide(request, chosen, send_again, "sent again")

    @admin.action(description="Give up (never send; deletes what they say)", permissions=("decide",))
    def give_up(self, request: HttpRequest, chosen: QuerySet[OutboxMail]) -> None:
        """Never."""
        self._decide(request, chosen, give_up, "given up")

    def _decide(self, request: HttpRequest, chosen: QuerySet[OutboxMail], decide: Decide, told: str) -> None:
        done, rows = 0, list(chosen)
        for row in rows:
            try:
                decide(chosen.db, row, f"{told} in the admin by {request.user.get_username()}")
            except StoreUnavailable as error:
                self.message_user(request, str(error), messages.ERROR)
                break  # each of the others would wait as long
            except NotifierError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.log_change(request, row, told)
                done += 1
        if done:
            self.message_user(request, f"{done} of {len(rows)} {told}", messages.SUCCESS)


admin.site.register(LedgerMail, LedgerMailAdmin)
