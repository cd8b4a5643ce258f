"""Dovecot: LMTP over TCP and on a Unix socket, the SASL socket that Postfix asks, and IMAP. All under one unprivileged account."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import quote

import pytest

from notifier.smtp import Endpoint, Mode, TLSPolicy
from real_servers.ground import HOST, held_ports, open_folder, running
from real_servers.installed import SYSTEM, UNPACKED, installed, missing
from real_servers.messages import Maildir
from real_servers.relocated import relocate

COMPILED_IN = "/usr/lib/dovecot"
TRACE = (b"return-path", b"delivered-to", b"received")
USERS = {"zoe@x.example": "hunter2", "bob@x.example": "Pässwörd", "full@x.example": "hunter3"}
QUOTA = 2_000_000  # octets, for full@x.example

CONFIGURATION = Template("""
base_dir = $folder/run
state_dir = $folder/state
log_path = /dev/stderr
libexec_dir = $library
mail_plugin_dir = $library/modules
default_internal_user = $account
default_internal_group = $group
default_login_user = $account
# An account without privileges cannot chroot.
service anvil {
  chroot =
  # Without its socket nobody waits longer with each wrong password of others.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
first_valid_uid = 1
protocols = lmtp$with_imap
ssl = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_fsync = never
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_grace = 0
}
passdb {
  driver = passwd-file
  args = $folder/users
}
userdb {
  driver = passwd-file
  args = $folder/users
}
service lmtp {
  executable = $lmtp
  inet_listener lmtp {
    address = $host
    port = $port
  }
  unix_listener lmtp {
    mode = 0666
  }
}
service auth {
  unix_listener postfix {
    mode = 0666
  }
}
""")


IMAP = Template("""
service imap-login {
  executable = $login
  chroot =
  inet_listener imap {
    address = $host
    port = $port
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  executable = $imap
}
""")


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server. ``library`` is where its programs are."""

    folder: Path
    library: Path
    port: int
    imap_port: int

    @property
    def tcp(self) -> Endpoint:
        """LMTP on a loopback port."""
        return Endpoint(HOST, self.port, Mode.LMTP, tls=TLSPolicy.NONE)

    @property
    def unix(self) -> Endpoint:
        """LMTP on a Unix socket."""
        return Endpoint(HOST, 0, Mode.LMTP, socket_path=str(self.folder / "run" / "lmtp"), tls=TLSPolicy.NONE)

    @property
    def sasl_socket(self) -> Path:
        """Where a mail server asks whether a login is right."""
        return self.folder / "run" / "postfix"

    @property
    def places(self) -> list[int | Path]:
        """All at which it listens, one after the other."""
        by_imap = [self.imap_port] if _has_imap(self.library) else []
        return [self.port, *by_imap, self.folder / "run" / "lmtp", self.sasl_socket]

    def imap_url(self, user: str) -> str:
        """A user's INBOX. Skips where IMAP is not installed."""
        if not _has_imap(self.library):
            missing("no dovecot-imapd here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it")
        return f"imap://{quote(user, safe='')}:{quote(USERS[user])}@{HOST}:{self.imap_port}/INBOX"

    def maildir(self, user: str) -> Maildir:
        """A user's mailbox."""
        return Maildir(self.folder / "mail" / user / "Maildir", TRACE)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One Dovecot for all tests."""
    with ExitStack() as kept:
        folder = kept.enter_context(open_folder("dovecot"))
        library = kept.enter_context(_library())
        server = Dovecot(folder, library, *kept.enter_context(held_ports(2)))
        _configure(server)
        kept.enter_context(running(_command(server), environ={}, ports=server.places, said=folder / "said"))
        yield server


@contextmanager
def _library() -> Iterator[Path]:
    """Dovecot's programs. Those that were unpacked look for their modules where the package would have put them."""
    lmtp = installed("dovecot-lmtpd", "usr/lib/dovecot/lmtp")
    if lmtp == SYSTEM:
        yield Path(COMPILED_IN)
        return
    core = UNPACKED / "dovecot-core"  # of the same version, whatever the system has
    # In /tmp, whatever TMPDIR says: the path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    try:
        folder.chmod(0o755)
        imap = UNPACKED / "dovecot-imapd/usr/lib/dovecot"
        for program in imap.glob("imap*"):
            shutil.copy(program, folder)
        for program in (core / "usr/bin/doveconf", core / "usr/sbin/dovecot", lmtp / "usr/lib/dovecot/lmtp"):
            shutil.copy(program, folder)
        yield relocate(core / "usr/lib/dovecot", COMPILED_IN, folder)
    finally:
        shutil.rmtree(folder)


def _has_imap(library: Path) -> bool:
    return (library / "imap-login").is_file()


def _account() -> pwd.struct_passwd:
    """Who Dovecot is: whoever we are, but never root, as whom it would deliver no mail."""
    return pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")


def _program(server: Dovecot, name: str, system_folder: str) -> str:
    return str((Path(system_folder) if str(server.library) == COMPILED_IN else server.library) / name)


def _configure(server: Dovecot) -> None:
    account, folder = _account(), server.folder
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
        os.chown(folder / name, account.pw_uid, account.pw_gid)
    users = (_user(name, password, account, folder) for name, password in USERS.items())
    (folder / "users").write_text("".join(users))
    with_imap = _has_imap(server.library)
    text = CONFIGURATION.substitute(
        with_imap=" imap" if with_imap else "",
        folder=folder,
        library=server.library,
        lmtp=_program(server, "lmtp", COMPILED_IN),
        account=account.pw_name,
        group=_group_name(account.pw_gid),
        host=HOST,
        port=server.port,
    )
    if with_imap:
        login, imap = (_program(server, name, COMPILED_IN) for name in ("imap-login", "imap"))
        text += IMAP.substitute(login=login, imap=imap, host=HOST, port=server.imap_port)
    (folder / "dovecot.conf").write_text(text)


def _user(name: str, password: str, account: pwd.struct_passwd, folder: Path) -> str:
    quota = f"userdb_quota_rule=*:storage={QUOTA}B" if name.startswith("full") else ""
    return f"{name}:{{PLAIN}}{password}:{account.pw_uid}:{account.pw_gid}::{folder}/mail/{name}::{quota}\n"


def _group_name(gid: int) -> str:
    return grp.getgrgid(gid).gr_name


def _command(server: Dovecot) -> list[str]:
    """The configuration is read first and handed on: Dovecot itself would look for doveconf where it is compiled in."""
    configuration = ["-c", str(server.folder / "dovecot.conf")]
    master = [_program(server, "dovecot", "/usr/sbin"), "-F", *configuration]
    command = [_program(server, "doveconf", "/usr/bin"), *configuration, "-m", "master", "-e", *master]
    return [*_as_account(), *command]


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    account = _account()
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
