"""What the shop mails."""

from django.core import mail


def confirm(number, customer):
    mail.send_mail(f"Order {number}", "Thank you!", None, [customer])


def send_invoice(number, customer, pdf):
    message = mail.EmailMultiAlternatives(
        f"Invoice {number}",
        "Your invoice is attached.",
        "Accounts <accounts@example.com>",
        [customer],
        bcc=["archive@example.com"],
        reply_to=["help@example.com"],
        headers={"X-Order": str(number)},
    )
    message.attach_alternative("<p>Your invoice is <b>attached</b>.</p>", "text/html")
    message.attach(f"{number}.pdf", pdf, "application/pdf")
    message.send()


def tell_all(customers, words):
    with mail.get_connection() as connection:
        connection.send_messages([mail.EmailMessage("News", words, None, [one]) for one in customers])
