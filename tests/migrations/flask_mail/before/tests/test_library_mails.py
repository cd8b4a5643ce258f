import pytest

from library import create_app
from library.extensions import mail


@pytest.fixture
def client():
    app = create_app({"TESTING": True})
    with app.app_context():
        yield app.test_client()


def test_a_receipt_is_mailed(client):
    with mail.record_messages() as outbox:
        assert client.post("/loans", data={"reader": "zoe@example.com", "title": "Momo"}).status_code == 201
    assert len(outbox) == 1
    assert outbox[0].subject == "Lent: Momo"
    assert outbox[0].sender == "City Library <library@example.org>"
    assert outbox[0].recipients == ["zoe@example.com"]
    assert "<em>Momo</em>" in outbox[0].html
    assert "Reply-To: desk@example.org" in str(outbox[0])


def test_everybody_is_reminded(client):
    overdue = {"bob@example.com": ["Tintin"], "zoe@example.com": ["Momo", "Ronja"]}
    with mail.record_messages() as outbox:
        assert client.post("/reminders", json=overdue).json == {"sent": 2}
    assert [message.recipients for message in outbox] == [["bob@example.com"], ["zoe@example.com"]]
    assert outbox[1].attachments[0].filename == "overdue.csv"
    assert outbox[1].attachments[0].data == "Momo\r\nRonja\r\n"


def test_a_title_over_two_lines_is_refused(client):
    with mail.record_messages() as outbox:
        assert client.post("/loans", data={"reader": "zoe@example.com", "title": "a\nBcc: b@c.d"}).status_code == 400
    assert outbox == []
