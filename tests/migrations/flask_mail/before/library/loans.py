from flask import Blueprint, abort, request
from flask_mail import BadHeaderError

from library.reminders import send_receipt, send_reminders

loans = Blueprint("loans", __name__)


@loans.post("/loans")
def lend():
    reader, title = request.form["reader"], request.form["title"]
    try:
        send_receipt(reader, title)
    except BadHeaderError:
        abort(400)
    return "lent", 201


@loans.post("/reminders")
def remind():
    return {"sent": send_reminders(request.get_json())}
