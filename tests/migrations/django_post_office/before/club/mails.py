"""What the club mails."""

from django.core.files.base import ContentFile
from django.core.mail import send_mail
from post_office import mail
from post_office.models import EmailTemplate


def create_templates():
    EmailTemplate.objects.get_or_create(
        name="welcome",
        defaults={
            "subject": "Welcome, {{ name }}",
            "content": "Hello {{ name }},\n\nyou are member {{ number }}.\n",
            "html_content": "<p>Hello {{ name }},</p><p>you are member <b>{{ number }}</b>.</p>",
        },
    )


def welcome(member, name, number):
    mail.send(member, template="welcome", context={"name": name, "number": number})


def send_minutes(members, text, pdf):
    mail.send(
        members,
        "Secretary <secretary@example.org>",
        subject="Minutes",
        message=text,
        html_message=f"<p>{text}</p>",
        bcc=["archive@example.org"],
        headers={"X-Club": "minutes"},
        attachments={"minutes.pdf": ContentFile(pdf)},
    )


def reset_password(member, link):
    send_mail("Your password", f"Here: {link}", None, [member])
