"""The outbox' tables, and the permissions of the pages on the ledger."""

from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="LedgerMail",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="mail id")),
            ],
            options={
                "verbose_name": "mail in the ledger",
                "verbose_name_plural": "mails in the ledger",
                "managed": False,
                "base_manager_name": "objects",
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="OutboxBlob",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(editable=False, max_length=64)),
                ("octets", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="OutboxMail",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name="mail id")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("handed_over", "Handed Over"),
                            ("dead_letter", "Dead Letter"),
                            ("settled", "Settled"),
                            ("held", "Held"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("outcome", models.CharField(blank=True, max_length=16)),
                ("why", models.TextField(blank=True, verbose_name="why it is held or open again")),
                ("recipients", models.TextField()),
                ("template", models.CharField(blank=True, max_length=255)),
                ("mail_class", models.CharField(max_length=255)),
                ("queue", models.CharField(max_length=64)),
                ("tenant", models.CharField(max_length=255)),
                ("payload", models.BinaryField(default=bytes)),
                ("epoch", models.CharField(blank=True, max_length=64)),
                ("ledger_id", models.UUIDField(editable=False, null=True)),
                ("hand_overs", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("look_at", models.DateTimeField()),
                ("known_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("blobs", models.ManyToManyField(related_name="mails", to="notifier.outboxblob")),
            ],
            options={
                "verbose_name": "outbox mail",
                "ordering": ("-created_at",),
                "indexes": [
                    models.Index(fields=["look_at"], name="notifier_outbox_look_at"),
                    models.Index(fields=["state", "epoch"], name="notifier_outbox_state_epoch"),
                ],
            },
        ),
    ]
