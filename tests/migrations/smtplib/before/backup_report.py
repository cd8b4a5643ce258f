"""Mails the nightly report of the backups to the administrators."""

import os
import smtplib
import sys
from email.message import EmailMessage
from pathlib import Path

SENDER = "backups@example.org"


def compose(report, recipients):
    failed = [line for line in report.splitlines() if line.startswith("FAILED")]
    message = EmailMessage()
    message["Subject"] = f"Backups: {len(failed)} failed" if failed else "Backups: all well"
    message["From"] = SENDER
    message["To"] = ", ".join(recipients)
    message.set_content("\n".join(failed) or "Nothing to do.")
    message.add_attachment(report, filename="report.txt")
    return message


def send(message):
    host, port = os.environ.get("SMTP_HOST", "localhost"), int(os.environ.get("SMTP_PORT", "25"))
    with smtplib.SMTP(host, port, local_hostname="backups.example.org", timeout=30) as server:
        server.send_message(message)


def main(argv):
    report, *recipients = argv
    send(compose(Path(report).read_text(), recipients))


if __name__ == "__main__":
    main(sys.argv[1:])
