from flask import Flask, request
from flask_mailman import EmailMessage, EmailMultiAlternatives, Mail

mail = Mail()


def create_app(**config):
    app = Flask(__name__)
    app.config.update(MAIL_SERVER="localhost", MAIL_DEFAULT_SENDER="club@example.org", **config)
    mail.init_app(app)
    app.add_url_rule("/join", view_func=join, methods=["POST"])
    app.add_url_rule("/invite", view_func=invite, methods=["POST"])
    return app


def join():
    member = request.form["email"]
    mail.send_mail("Welcome to the club", f"Hello {request.form['name']}!", None, [member])
    notify_board(member)
    return "joined", 201


def notify_board(member):
    message = EmailMessage(
        "A new member",
        f"{member} has joined.",
        "bot@example.org",
        ["board@example.org"],
        bcc=["archive@example.org"],
        headers={"X-Club": "join"},
    )
    message.send()


def invite():
    message = EmailMultiAlternatives("Summer party", "On Saturday.", to=request.json["to"], reply_to=["party@example.org"])
    message.attach_alternative("<p>On <b>Saturday</b>.</p>", "text/html")
    message.attach("party.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")
    message.send()
    return "", 204
