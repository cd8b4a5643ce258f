import email
from email import policy

from backup_report import main

REPORT = "ok     /home\nFAILED /var/größe\n"


def test_the_report_arrives(inbox, tmp_path):
    report = tmp_path / "report"
    report.write_text(REPORT)
    main([str(report), "root@example.org", "admin@example.org"])
    (envelope,) = inbox
    assert envelope.mail_from == "backups@example.org"
    assert envelope.rcpt_tos == ["root@example.org", "admin@example.org"]
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "Backups: 1 failed"
    assert message.get_body().get_content().strip() == "FAILED /var/größe"
    (file,) = message.iter_attachments()
    assert file.get_content().splitlines() == REPORT.splitlines()


def test_a_night_without_failures_says_so(inbox, tmp_path):
    report = tmp_path / "report"
    report.write_text("ok /home\n")
    main([str(report), "root@example.org"])
    assert b"Subject: Backups: all well" in inbox[0].content
