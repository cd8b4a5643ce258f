"""A contact form. What a visitor writes goes to the shop, and the visitor gets a copy from a template."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from notifier.errors import BrokerUnavailable, InvalidMail, StoreUnavailable
from notifier.integrations.flask import Mail, Message

mail = Mail()
SHOP = "shop@example.com"
LONGEST = 5_000  # characters
LONGEST_NAME = 200  # it stands in subjects, which have an end


def create_app(**config: object) -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_hex(),
        MAIL_DEFAULT_SENDER=("The shop", SHOP),
        NOTIFIER={"templates": [Path(__file__).parent / "mails"]},
    )
    app.config.from_prefixed_env()
    app.config.update(config)
    mail.init_app(app)
    app.add_url_rule("/", view_func=form)
    app.add_url_rule("/", view_func=send, methods=["POST"])
    return app


def form() -> str:
    return render_template("form.html")


def send() -> tuple[str, int] | Response:
    name, address, text = (request.form.get(field, "").strip() for field in ("name", "email", "text"))
    if not name or not text or len(name) > LONGEST_NAME or len(text) > LONGEST:
        return refused("Please tell us your name, and what it is about.", 400)
    try:
        hand_over(name, address, text)
    except InvalidMail:
        return refused("Your e-mail address cannot be right.", 400)
    except (BrokerUnavailable, StoreUnavailable):
        current_app.logger.exception("a message of the contact form was not taken")
        return refused("We cannot take it right now. Please try again in a minute.", 503)
    flash("Thank you. A copy is on its way to you.")
    return redirect(url_for("form"), 303)


def hand_over(name: str, address: str, text: str) -> None:
    """Stored together at the end of the block. The first is refused for whatever the second would be refused for."""
    with mail.connect() as connection:
        connection.send(Message(f"Contact: {name}", recipients=[SHOP], reply_to=(name, address), body=text))
        connection.send_email(template="contact_received", to=address, context={"name": name, "text": text})


def refused(why: str, status: int) -> tuple[str, int]:
    flash(why)
    return render_template("form.html"), status
