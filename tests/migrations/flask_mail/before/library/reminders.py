import csv
import io

from flask import render_template_string
from flask_mail import Message

from library.extensions import mail

RECEIPT = "<p>You have borrowed <em>{{ title }}</em>.</p>"


def send_receipt(reader, title):
    message = Message(f"Lent: {title}", recipients=[reader], reply_to="desk@example.org")
    message.body = f"You have borrowed {title}."
    message.html = render_template_string(RECEIPT, title=title)
    mail.send(message)


def send_reminders(overdue):
    """One mail to each reader, with the list of what is overdue."""
    with mail.connect() as connection:
        for reader, titles in overdue.items():
            message = Message(recipients=[reader], subject="Please bring back", body="\n".join(titles))
            message.attach("overdue.csv", "text/csv", table(titles))
            connection.send(message)
    return len(overdue)


def table(titles):
    lines = io.StringIO()
    csv.writer(lines).writerows([title] for title in titles)
    return lines.getvalue()
