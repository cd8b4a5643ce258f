def test_a_member_is_welcomed_by_name(delivered):
    from club.mails import welcome

    welcome("zoe@example.com", "Zoë", 42)
    [(sender, recipients, message)] = delivered()
    assert (sender, recipients) == ("club@example.org", ["zoe@example.com"])
    assert message["Subject"] == "Welcome, Zoë"
    assert "you are member 42." in message.get_body(("plain",)).get_content()
    assert "member <b>42</b>" in message.get_body(("html",)).get_content()


def test_minutes_have_their_file_and_their_archive(delivered):
    from club.mails import send_minutes

    send_minutes(["a@example.com", "b@example.com"], "We have met.", b"%PDF-1.7 made up")
    [(sender, recipients, message)] = delivered()
    assert sender == "secretary@example.org"
    assert sorted(recipients) == ["a@example.com", "archive@example.org", "b@example.com"]
    assert (message["X-Club"], message["Bcc"]) == ("minutes", None)
    assert "<p>We have met.</p>" in message.get_body(("html",)).get_content()
    [pdf] = message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content()) == ("minutes.pdf", b"%PDF-1.7 made up")


def test_what_djangos_own_functions_send_goes_the_same_way(delivered):
    from club.mails import reset_password

    reset_password("zoe@example.com", "https://club.example/r/1")
    [(_, recipients, message)] = delivered()
    assert recipients == ["zoe@example.com"]
    assert "https://club.example/r/1" in message.get_content()
