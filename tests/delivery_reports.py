"""Delivery status notifications as a Postfix writes them."""

from __future__ import annotations

MAIL_ID = "01931f6e-0000-7000-8000-000000000001"
POSTFIX = """\
Return-Path: <>
Date: Wed, 25 Nov 2026 19:34:45 +0000 (UTC)
From: MAILER-DAEMON@mx1.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: shop@shop.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1A2B3C4D.1764099285/mx1.example.net"
Message-Id: <20261125193445.5E6F7A@mx1.example.net>

This is a MIME-encapsulated message.

--4F1A2B3C4D.1764099285/mx1.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx1.example.net.

--4F1A2B3C4D.1764099285/mx1.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx1.example.net
{envelope_id}X-Postfix-Queue-ID: 4F1A2B3C4D
Arrival-Date: Wed, 25 Nov 2026 19:34:43 +0000 (UTC)

{recipients}
--4F1A2B3C4D.1764099285/mx1.example.net
{returned}
--4F1A2B3C4D.1764099285/mx1.example.net--
"""
ENVELOPE_ID = f"Original-Envelope-Id: {MAIL_ID}\n"
HEADER = f"Return-Path: <shop@shop.example>\nMessage-ID: <{MAIL_ID}@shop.example>\nSubject: Hello\n"
HEADERS_ONLY = f"Content-Type: text/rfc822-headers\n\n{HEADER}"
WHOLE = f"Content-Type: message/rfc822\n\n{HEADER}\nHello\n"


def recipient(action: str, final: str = "zoe@mailbox.example", original: str = "zoe@example.com") -> str:
    given = f"Original-Recipient: rfc822;{original}\n" if original else ""
    return (
        f"Final-Recipient: rfc822; {final}\n{given}Action: {action}\nStatus: 5.1.1\n"
        "Remote-MTA: dns; mail.example.com\nDiagnostic-Code: smtp; 550 5.1.1 No such user\n"
    )


def report(*recipients: str, envelope_id: str = ENVELOPE_ID, returned: str = HEADERS_ONLY) -> bytes:
    text = POSTFIX.format(envelope_id=envelope_id, recipients="\n".join(recipients), returned=returned)
    return text.replace("\n", "\r\n").encode()
