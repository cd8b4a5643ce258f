"""`check_mail`: what the author of a mail should know before its readers do."""

from notifier.console.preview_page.checks.check import check_mail
from notifier.console.preview_page.checks.finding import Finding, Severity

__all__ = ["Finding", "Severity", "check_mail"]
