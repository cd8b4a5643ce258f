import os

from flask import Flask

from library.extensions import mail
from library.loans import loans


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        MAIL_SERVER=os.environ.get("MAIL_SERVER", "localhost"),
        MAIL_PORT=int(os.environ.get("MAIL_PORT", "25")),
        MAIL_USE_TLS=os.environ.get("MAIL_USE_TLS") == "1",
        MAIL_USERNAME=os.environ.get("MAIL_USERNAME"),
        MAIL_PASSWORD=os.environ.get("MAIL_PASSWORD"),
        MAIL_DEFAULT_SENDER=("City Library", "library@example.org"),
    )
    app.config.update(config or {})
    mail.init_app(app)
    app.register_blueprint(loans)
    return app
