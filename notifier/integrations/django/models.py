"""The outbox: mails that were written in the application's own transaction, each open until its mail is settled.

A row moves along `open`, `handed over`, `settled`; back to `open` where the ledger has lost the mail and its class lets
it go again, and to `held` where a person has to decide. A dead letter is not settled before a person has decided on it. `LedgerMail` is no table: it gives the admin's pages on the
ledger their place and their permissions.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class OutboxState(models.TextChoices):
    """Where a row stands."""

    OPEN = "open"  # the ledger may not have the mail
    HANDED_OVER = "handed_over"  # the ledger had it
    DEAD_LETTER = "dead_letter"  # the ledger has it as one; a person decides, there or here
    SETTLED = "settled"  # the mail has ended; the row goes after the ledger's retention
    HELD = "held"  # a person decides


class OutboxBlob(models.Model):
    """The octets of an attachment, or of a message of the application's own, sealed as payloads are. Shared by mails of one call and by no
    others: what nobody can refer to later is deleted without a race.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64, editable=False)  # sha256, hex
    octets = models.BinaryField()


class OutboxMail(models.Model):
    """One mail. ``payload`` is the `Email` as the ledger gets it, sealed where there are NOTIFIER_ENCRYPTION_KEYS."""

    id = models.UUIDField("mail id", primary_key=True, editable=False)
    state = models.CharField(max_length=16, choices=OutboxState.choices, default=OutboxState.OPEN)
    outcome = models.CharField(max_length=16, blank=True)  # the ledger's word for how the mail ended
    why = models.TextField("why it is held or open again", blank=True)
    recipients = models.TextField()  # for people who search; one address a line
    template = models.CharField(max_length=255, blank=True)
    mail_class = models.CharField(max_length=255)
    queue = models.CharField(max_length=64)
    tenant = models.CharField(max_length=255)
    payload = models.BinaryField(default=bytes)
    blobs = models.ManyToManyField(OutboxBlob, related_name="mails")
    epoch = models.CharField(
        max_length=64, blank=True
    )  # of the ledger that has it, or may have it; empty: none ever had
    ledger_id = models.UUIDField(null=True, editable=False)  # another mail's, where that had the idempotency key first
    hand_overs = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    look_at = models.DateTimeField()  # when the sweeper turns to it; far ahead while somebody else is at it
    known_at = models.DateTimeField(null=True)  # when the ledger last knew it
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "outbox mail"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("look_at",), name="notifier_outbox_look_at"),
            models.Index(fields=("state", "epoch"), name="notifier_outbox_state_epoch"),
        )

    def __str__(self) -> str:
        return str(self.id)

    @property
    def id_in_ledger(self) -> str:
        """Under which the ledger has the mail."""
        return str(self.ledger_id or self.id)


class NoTable(models.Manager["LedgerMail"]):
    """Whoever goes through all models (``dumpdata``) finds nothing, instead of a table that is not there."""

    def get_queryset(self) -> models.QuerySet[LedgerMail]:
        """Nothing."""
        return super().get_queryset().none()


class LedgerMail(models.Model):
    """A mail as the ledger in the store has it; read from there and never from a table."""

    id = models.UUIDField("mail id", primary_key=True)

    objects = NoTable()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view", "change")
        verbose_name = "mail in the ledger"
        verbose_name_plural = "mails in the ledger"
