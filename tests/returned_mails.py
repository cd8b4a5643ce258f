"""What comes back, as servers and providers of many kinds write it."""

from __future__ import annotations

ZOE = "zoe@example.com"
TOKEN = "a" * 42

EXCHANGE = """\
From: <postmaster@corp.example>
To: {to}
Subject: Undeliverable: Hello
Auto-Submitted: auto-replied
Message-ID: <exchange-1@corp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="_000_outer"

--_000_outer
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="_000_outer_inner"

--_000_outer_inner
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to zoe@example.com couldn't be delivered=2E

--_000_outer_inner
Content-Type: text/html

<p>Your message to zoe@example.com couldn't be delivered.</p>
--_000_outer_inner--

--_000_outer
Content-Type: message/delivery-status
Content-Transfer-Encoding: base64

{status}
--_000_outer
Content-Type: message/rfc822

Return-Path: <bounce+{token}@shop.example>
Message-ID: <01931f6e-0000-7000-8000-000000000001@shop.example>
Subject: Hello

--_000_outer--
"""

EXIM = """\
Return-path: <>
X-Failed-Recipients: zoe@example.com
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: bounce+{token}@shop.example
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1abc-0001@mx.example.net>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  zoe@example.com
    host mail.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<zoe@example.com>:
    {said}

------ This is a copy of the message, including all the headers. ------

Return-path: <bounce+{token}@shop.example>
Message-ID: <01931f6e-0000-7000-8000-000000000001@shop.example>
Subject: Hello

Hello bob@example.com
"""

QMAIL = """\
From: MAILER-DAEMON@qmail.example
To: bounce+{token}@shop.example
Subject: failure notice
Date: 4 Nov 2026 21:42:45 -0000

Hi. This is the qmail-send program at qmail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<zoe@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

<bob@example.com>:
The users mailfolder is over the allowed quota (size). (#5.2.2)

--- Below this line is a copy of the message.

Return-Path: <bounce+{token}@shop.example>
Message-ID: <01931f6e-0000-7000-8000-000000000001@shop.example>
"""

ARF = """\
From: <abusedesk@provider.example>
To: {to}
Subject: FW: Hello
Message-ID: <arf-1@provider.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="arf"

--arf
Content-Type: text/plain

This is an email abuse report.

--arf
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounce+{token}@shop.example>
{recipient}Received-Date: Thu, 8 Mar 2026 14:00:00 EDT

--arf
Content-Type: message/rfc822

From: <shop@shop.example>
Message-ID: <01931f6e-0000-7000-8000-000000000001@shop.example>
Subject: Hello

Hello
--arf--
"""

AWAY = """\
From: Zoe <zoe@example.com>
To: bounce+{token}@shop.example
Subject: Away until Monday
Auto-Submitted: auto-replied (vacation)
Message-ID: <away@example.com>

I am away until Monday. Write to bob@example.com, or to 550 5.1.1 High Street.
"""

READ = """\
Return-Path: <>
From: {sender}
To: bounce+{token}@shop.example
Subject: Not read: Hello
Message-ID: <read@example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"

--mdn
Content-Type: text/plain

Your message of Monday was deleted without being read. It was in room 512.

--mdn
Content-Type: message/disposition-notification

Reporting-UA: mail.example.com; Reader 3
Original-Recipient: rfc822;zoe@example.com
Final-Recipient: rfc822;zoe@example.com
Disposition: automatic-action/MDN-sent-automatically; deleted

--mdn--
"""
