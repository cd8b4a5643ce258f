"""What the parent and the child of an untrusted template agree on."""

from __future__ import annotations

from dataclasses import fields

from notifier.model.content import Content

READY = b"ready\n"  # said first: what goes wrong before it is none of the template's faults
PARTS = tuple(field.name for field in fields(Content) if field.name != "inline_images")  # each is text, or None
