"""What comes back: bounces (RFC 3464) and complaints (RFC 5965), read, attributed to mails of ours, and acted on."""

from notifier.bounces.desk import Desk, Rules, Taken
from notifier.bounces.reading import read_report

__all__ = ["Desk", "Rules", "Taken", "read_report"]
