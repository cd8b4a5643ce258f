def test_an_order_is_confirmed(mails):
    from shop.orders import confirm

    confirm(4711, "zoe@example.com")
    [(sender, recipients, message)] = mails
    assert sender == "shop@example.com"
    assert recipients == ["zoe@example.com"]
    assert message["Subject"] == "Order 4711"
    assert message.get_content().strip() == "Thank you!"


def test_an_invoice_has_its_parts_and_its_archive(mails):
    from shop.orders import send_invoice

    send_invoice(4711, "zoe@example.com", b"%PDF-1.7 made up")
    [(sender, recipients, message)] = mails
    assert sender == "accounts@example.com"
    assert sorted(recipients) == ["archive@example.com", "zoe@example.com"]
    assert (message["Reply-To"], message["X-Order"], message["Bcc"]) == ("help@example.com", "4711", None)
    assert "<b>attached</b>" in message.get_body(("html",)).get_content()
    [pdf] = message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content()) == ("4711.pdf", b"%PDF-1.7 made up")


def test_news_are_a_mail_to_each(mails):
    from shop.orders import tell_all

    tell_all(["a@example.com", "b@example.com"], "We have moved.")
    assert sorted(recipients for _, recipients, _ in mails) == [["a@example.com"], ["b@example.com"]]
