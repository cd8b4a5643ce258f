"""Postfix with several doors: the same server, offering more or less in its EHLO. Logins are asked of Dovecot."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from string import Template

import pytest

from notifier.smtp import Endpoint, TLSPolicy
from real_servers.dovecot import Dovecot
from real_servers.ground import HOST, Certificate, held_ports, open_folder, running
from real_servers.installed import installed, needs_root
from real_servers.messages import Maildir
from real_servers.postfix_log import PostfixLog

TRACE = (b"return-path", b"x-original-to", b"delivered-to", b"received")
SIZE_LIMIT = 3_000_000  # octets
QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace")

# What is different behind each door.
DOORS = {
    "everything": "",
    "no BDAT": "smtpd_discard_ehlo_keywords=chunking",
    "lock step": "smtpd_discard_ehlo_keywords=pipelining,chunking",
    "no SIZE": "smtpd_discard_ehlo_keywords=size",
    "neither SIZE nor BDAT": "smtpd_discard_ehlo_keywords=size,chunking",
    "implicit TLS": "smtpd_tls_wrappermode=yes",
    "ten recipients": "smtpd_recipient_limit=10",
    "asks for recipients": "smtpd_recipient_restrictions=reject_unverified_recipient",
}

VISITORS = ip_network("127.1.0.0/16").hosts()

MAIN = Template("""
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
daemon_directory = $root/usr/lib/postfix/sbin
command_directory = $root/usr/sbin
shlib_directory = $root/usr/lib/postfix
import_environment = MAIL_CONFIG LD_LIBRARY_PATH=$root/usr/lib/postfix
mail_owner = $owner
setgid_group = $group
default_privs = nobody
maillog_file = $folder/maillog
maillog_file_prefixes = $folder
myhostname = mx.x.example
mydestination =
inet_protocols = ipv4
mynetworks =
smtputf8_enable = yes
message_size_limit = $size_limit
queue_minfree = 0
# Short ones come back within seconds.
enable_long_queue_ids = yes
# Nothing of ours is rewritten, as if it came from elsewhere.
local_header_rewrite_clients =
smtpd_error_sleep_time = 0
smtpd_junk_command_limit = 10000
smtpd_recipient_limit = 1000
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = $folder/server.pem
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $sasl_socket
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{ { later@x.example = 450 4.2.1 come again } }
virtual_mailbox_domains = x.example, müller.example
virtual_mailbox_base = $folder/mail
virtual_mailbox_limit = 0
virtual_mailbox_maps = inline:{
    zoe@x.example=zoe/ bob@x.example=bob/ later@x.example=later/ zoë@x.example=zoe8/ zoë@müller.example=zoe8/ asked@x.example=asked/ äsked@müller.example=asked/ }
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$gid
# Where a thousand mails go: it is their way in that counts.
transport_maps = inline:{
    { x.invalid = discard: } { elsewhere.invalid = discard: }
    { bounced.invalid = error:5.1.1 no such user } { deferred.invalid = retry:4.4.1 nobody answers }
    { returns.invalid = lmtp:unix:$returns } }
relay_domains = x.invalid returns.invalid
unverified_recipient_reject_code = 550
address_verify_map =
address_verify_poll_delay = 1s
# Of what these really are Postfix hears only behind its 250; one is itself, and has no mailbox.
virtual_alias_maps = inline:{ left@x.example=left@x.example gone@x.example=gone@bounced.invalid waits@x.example=waits@deferred.invalid }
""")

SERVICES = """
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
discard unix - - n - - discard
error unix - - n - - error
lmtp unix - - n - - lmtp
verify unix - - n - 1 verify
retry unix - - n - - error
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running server. ``visitor`` is the loopback address that we come from."""

    folder: Path
    root: Path
    ports: dict[str, int]
    certificate: Certificate
    visitor: str = HOST

    def door(self, name: str = "everything", tls: TLSPolicy = TLSPolicy.NONE) -> Endpoint:
        """The way in; its certificate is trusted where ``tls`` asks for one."""
        authority = str(self.certificate.authority)
        return Endpoint(HOST, self.ports[name], tls=tls, ca_file=authority, source_address=self.visitor)

    def maildir(self, name: str) -> Maildir:
        """A mailbox, by its folder."""
        return Maildir(self.folder / "mail" / name, TRACE)

    @property
    def returns(self) -> Path:
        """Where mails to returns.invalid are delivered by LMTP: a Unix socket."""
        return self.folder / "returns" / "lmtp"

    @property
    def log_file(self) -> Path:
        """All that it says."""
        return self.folder / "maillog"

    @property
    def log(self) -> PostfixLog:
        """What it says of the connections that come in by our doors."""
        return PostfixLog(self.log_file, self.visitor)


@pytest.fixture(scope="session")
def postfix_server(dovecot: Dovecot) -> Iterator[Postfix]:
    """One Postfix for all tests."""
    root = installed("postfix", "usr/lib/postfix/sbin/master")
    needs_root("Postfix")
    with ExitStack() as kept:
        folder = kept.enter_context(open_folder("postfix"))
        ports = dict(zip(DOORS, kept.enter_context(held_ports(len(DOORS))), strict=True))
        server = Postfix(folder, root, ports, Certificate.issue(folder))
        _configure(server, dovecot)
        command = [str(root / "usr/lib/postfix/sbin/master"), "-d", "-c", str(folder / "etc")]
        environ = {"LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}
        kept.enter_context(running(command, environ=environ, ports=list(ports.values()), said=folder / "said"))
        yield server


@pytest.fixture
def postfix(postfix_server: Postfix) -> Postfix:
    """The one Postfix, visited from an address that no other test comes from."""
    return replace(postfix_server, visitor=str(next(VISITORS)))


def _configure(server: Postfix, dovecot: Dovecot) -> None:
    owner, group = _owner()
    _make_folders(server.folder, owner)
    certificate, nobody = server.certificate, pwd.getpwnam("nobody")
    (server.folder / "server.pem").write_bytes(certificate.key.read_bytes() + certificate.chain.read_bytes())
    os.chown(server.folder / "mail", nobody.pw_uid, nobody.pw_gid)
    main = MAIN.substitute(
        folder=server.folder,
        root=server.root,
        owner=owner.pw_name,
        group=group,
        size_limit=SIZE_LIMIT,
        sasl_socket=dovecot.sasl_socket,
        returns=server.returns,
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
    )
    (server.folder / "etc" / "main.cf").write_text(main)
    doors = (
        f"{HOST}:{port} inet n - n - - smtpd\n" + (f"  -o {DOORS[name]}\n" if DOORS[name] else "")
        for name, port in server.ports.items()
    )
    (server.folder / "etc" / "master.cf").write_text(SERVICES + "".join(doors))


def _owner() -> tuple[pwd.struct_passwd, str]:
    """Postfix's own account and group where the package made them, else two that every Debian has and nobody uses."""
    try:
        return pwd.getpwnam("postfix"), "postdrop"
    except KeyError:
        return pwd.getpwnam("games"), "operator"


def _make_folders(folder: Path, owner: pwd.struct_passwd) -> None:
    for name in ("etc", "queue", "data", "mail", "queue/pid", "returns"):
        (folder / name).mkdir()
    for name in (*QUEUE, "private", "public", "maildrop"):
        made = folder / "queue" / name
        made.mkdir(mode=0o700)
        os.chown(made, owner.pw_uid, -1)
    os.chown(folder / "data", owner.pw_uid, -1)
