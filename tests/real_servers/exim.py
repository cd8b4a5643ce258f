"""Exim with several doors: the same server, offering more or less in its EHLO, delivering to Maildirs."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest
from workers import wait_until

from notifier.smtp import Endpoint, TLSPolicy
from real_servers.ground import HOST, Certificate, held_ports, open_folder, running
from real_servers.installed import installed, needs_account, needs_root
from real_servers.messages import Maildir

ACCOUNT = "Debian-exim"
PROGRAM = "usr/sbin/exim4"
TRACE = (b"received",)
DOORS = ("everything", "no BDAT", "lock step")
MAILS_PER_CONNECTION = 50

CONFIGURATION = Template("""
primary_hostname = mx.x.example
exim_path = $program
spool_directory = $folder/spool
log_file_path = $folder/log/%slog
pid_file_path = $folder/exim.pid
local_interfaces = $host
daemon_smtp_ports = $ports
log_selector = +pipelining +smtp_connection
chunking_advertise_hosts = $${if forany{$no_chunking}{eq{$$item}{$$received_port}}{}{*}}
pipelining_connect_advertise_hosts =
pipelining_advertise_hosts = $${if eq{$$received_port}{$lock_step}{}{*}}
tls_advertise_hosts = *
tls_certificate = $folder/chain.pem
tls_privatekey = $folder/key.pem
tls_verify_certificates = $folder/authority.pem
tls_try_verify_hosts = *
# A configuration of one's own costs Exim its privileges when it delivers; it is told so, and delivers as itself.
deliver_drop_privilege = true
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = $mails
smtp_accept_max_nonmail = 1000
rfc1413_query_timeout = 0s
host_lookup =
acl_smtp_rcpt = recipient

begin acl
recipient:
  accept domains = x.invalid
  defer local_parts = later
        message = 450 4.2.1 come again
  accept domains = x.example
         local_parts = zoe : bob
  deny message = 550 5.1.1 nobody of that name

begin authenticators
certificate:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = $$tls_in_certificate_verified
  server_param2 = $${certextract {subj_altname,mail,>:}{$$tls_in_peercert}}
  server_condition = $${if forany{$$auth2}{eq{$$item}{$$auth1}}}
  server_set_id = $$auth1

begin routers
nowhere:
  driver = redirect
  domains = x.invalid
  data = :blackhole:
here:
  driver = accept
  domains = x.example
  local_parts = zoe : bob
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = $folder/mail/$$local_part_data
  maildir_format
""")


@dataclass(frozen=True, slots=True)
class Exim:
    """A running server."""

    folder: Path
    ports: dict[str, int]
    certificate: Certificate

    @property
    def program(self) -> Path:
        """A copy without set-user-id, where Exim's own account may run it too: it starts itself for each delivery."""
        return self.folder / "exim4"

    def door(self, name: str = "everything", tls: TLSPolicy = TLSPolicy.NONE) -> Endpoint:
        """The way in; its certificate is trusted where ``tls`` asks for one."""
        return Endpoint(HOST, self.ports[name], tls=tls, ca_file=str(self.certificate.authority))

    def maildir(self, name: str) -> Maildir:
        """A user's mailbox."""
        return Maildir(self.folder / "mail" / name, TRACE)

    def arrival(self, reply: str) -> str:
        """What the log says of how a mail came in, by the reply that it got (its queue id stands there)."""
        (queue_id,) = re.findall(r"id=(\S+)", reply)
        arrived = re.compile(rf"^.* {queue_id} <= (.*)$", re.MULTILINE)
        wait_until(lambda: arrived.search(self.words()) is not None, f"Exim has logged {queue_id}")
        return arrived.findall(self.words())[0]

    def words(self) -> str:
        """Its log."""
        log = self.folder / "log" / "mainlog"
        return log.read_text(errors="replace") if log.exists() else ""


@pytest.fixture(scope="session")
def exim() -> Iterator[Exim]:
    """One Exim for all tests."""
    found = installed("exim4-daemon-light", PROGRAM) / PROGRAM
    needs_root("Exim")
    needs_account(ACCOUNT)
    with ExitStack() as kept:
        folder = kept.enter_context(open_folder("exim"))
        ports = dict(zip(DOORS, kept.enter_context(held_ports(len(DOORS))), strict=True))
        server = Exim(folder, ports, Certificate.issue(folder))
        shutil.copyfile(found, server.program)
        server.program.chmod(0o755)
        _configure(server)
        command = [str(server.program), "-C", str(folder / "exim.conf"), "-bdf"]
        kept.enter_context(running(command, environ={}, ports=list(ports.values()), said=folder / "said"))
        yield server


def _configure(server: Exim) -> None:
    account = pwd.getpwnam(ACCOUNT)
    for name in ("spool", "log", "mail"):
        (server.folder / name).mkdir()
        os.chown(server.folder / name, account.pw_uid, account.pw_gid)
    text = CONFIGURATION.substitute(
        folder=server.folder,
        program=server.program,
        host=HOST,
        ports=" : ".join(map(str, server.ports.values())),
        no_chunking=f"{server.ports['no BDAT']}:{server.ports['lock step']}",
        lock_step=server.ports["lock step"],
        mails=MAILS_PER_CONNECTION,
    )
    (server.folder / "exim.conf").write_text(text)
