"""What the parent and the child of an untrusted template agree on."""

from __future__ import annotations

READY = b"ready\n"  # said first: what goes wrong before it is none of the template's faults
PARTS = ("subject", "text", "html")  # of the content: each is text, or None
