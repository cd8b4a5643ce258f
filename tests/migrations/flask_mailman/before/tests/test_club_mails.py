import pytest
from club import create_app, mail


@pytest.fixture
def app():
    app = create_app(TESTING=True)
    with app.app_context():
        yield app


@pytest.fixture
def outbox(app):
    app.extensions["mailman"].outbox = []
    yield app.extensions["mailman"].outbox


def test_a_member_is_welcomed_and_the_board_is_told(app, outbox):
    assert app.test_client().post("/join", data={"name": "Zoë", "email": "zoe@example.com"}).status_code == 201
    welcome, notice = outbox
    assert welcome.to == ["zoe@example.com"]
    assert (welcome.subject, welcome.body) == ("Welcome to the club", "Hello Zoë!")
    assert notice.bcc == ["archive@example.org"]
    assert notice.extra_headers == {"X-Club": "join"}


def test_an_invitation_has_html_and_a_file(app, outbox):
    assert app.test_client().post("/invite", json={"to": ["zoe@example.com"]}).status_code == 204
    (invitation,) = outbox
    assert "<b>Saturday</b>" in str(invitation.message())
    assert len(invitation.attachments) == 1


def test_the_sender_is_the_club(app):
    assert app.extensions["mailman"].default_sender == mail.get_connection().mailman.default_sender == "club@example.org"
