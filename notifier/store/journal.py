"""`SettlementJournal`: settlements that the ledger could not take, on this host's disk until it can (rule r6).

One file an entry, written beside, synced and renamed, as a mail queue does it: an entry is there whole or not at all, no
lock can be left behind, and any worker of the host may bring the entries of a dead one to the ledger. Entries lie in a
folder for each epoch, so that those of one ledger are never read to another.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import re
import stat
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from notifier.store.evidence import Evidence

log = logging.getLogger(__name__)

MOST = 10_000  # entries; a worker makes one for each mail that was in flight, so this is a host of thousands of slots
SUFFIX = ".settlement"
UNREADABLE = ".unreadable"
_EPOCH = re.compile(r"[0-9a-f]{8,64}\Z")


class SettlementJournal:
    """The entries in ``folder``, which belongs to this user alone. Safe to share between threads and processes."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self.folder = folder
        self._most = most
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def keep(self, evidence: Evidence) -> bool:
        """Keep it on disk. False, with a warning, where that is not possible: then the outcome becomes unknown."""
        try:
            with self._lock:
                self._write(evidence)
        except (OSError, ValueError) as error:
            log.warning("the journal in %s does not take mail %s: %s", self.folder, evidence.mail_id, error)
            return False
        log.warning(
            "the ledger has not taken it; that mail %s is %s is kept in %s",
            evidence.mail_id,
            evidence.state,
            self.folder,
        )
        return True

    def entries(self, epoch: str) -> Iterator[tuple[Path, Evidence]]:
        """What waits for the ledger of this epoch, oldest first. An entry that cannot be read is put aside, and said."""
        yield from self._read_all(_entries(self.folder / epoch), epoch)

    def _read_all(self, paths: Sequence[Path], epoch: str) -> Iterator[tuple[Path, Evidence]]:
        for path in paths:
            try:
                evidence = replace(_read(path.read_bytes()), owner=_owner_in(path))
            except FileNotFoundError:  # another worker was quicker
                continue
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                self.put_aside(path, error)
                continue
            if evidence.epoch == epoch:
                yield path, evidence
            else:
                self.put_aside(path, ValueError("it lies in the folder of another ledger"))

    def some_of(self, epoch: str, most: int) -> Iterator[tuple[Path, Evidence]]:
        """So many entries of this epoch at most, others each time where there are more."""
        paths = _entries(self.folder / epoch)
        yield from self._read_all(random.sample(paths, most) if len(paths) > most else paths, epoch)

    @staticmethod
    def forget(path: Path) -> None:
        """The ledger has it."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # it will be said again, and saying it twice is saying it once
            log.warning("journal entry %s not removed: %s", path, error)

    def of_others(self, epoch: str) -> Mapping[str, int]:
        """How many entries are kept for ledgers of other epochs."""
        try:
            folders = [folder for folder in self.folder.iterdir() if _EPOCH.match(folder.name) and folder.name != epoch]
        except OSError:
            return {}
        return {folder.name: count for folder in folders if (count := len(_entries(folder)))}

    def tell_of_others(self, epoch: str) -> None:
        """Say loudly, once, that there are entries which no ledger in sight can take."""
        for other, count in self.of_others(epoch).items():
            if other not in self._told:
                self._told.add(other)
                log.error(
                    "%d settlements in %s are of another ledger (epoch %s, and this one is %s): the store was wiped, "
                    "restored or exchanged. They are kept there. One that was restored is told who has accepted a mail of them, "
                    "and any other is told nothing",
                    count,
                    self.folder / other,
                    other[:8],
                    epoch[:8],
                )

    def _write(self, evidence: Evidence) -> None:
        folder = self._folder_of(evidence.epoch)
        if len(_entries(folder)) >= self._most:
            raise ValueError(f"it is full, with {self._most} entries")
        path = folder / (_name(evidence) + SUFFIX)
        beside = folder / f".{uuid.uuid4().hex}"
        try:
            _write_synced(beside, _written(evidence))
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(folder)

    def _folder_of(self, epoch: str) -> Path:
        if not _EPOCH.match(epoch):
            raise ValueError("the ledger's epoch is not known")
        for folder in (self.folder, self.folder / epoch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_owner(folder)
        return self.folder / epoch

    @staticmethod
    def put_aside(path: Path, error: Exception) -> None:
        """It is of no use, and a person may want to see it."""
        log.error("journal entry %s is of no use, and is put aside: %s", path, error)
        try:
            path.replace(path.with_suffix(UNREADABLE))
        except OSError as failure:
            log.warning("journal entry %s not put aside: %s", path, failure)


def _check_owner(folder: Path) -> None:
    """In a temporary directory somebody else could have made it, to tell our ledger what he likes."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ValueError(f"{folder} is not a folder that this user alone may write to")


def _entries(folder: Path) -> list[Path]:
    try:
        if not folder.exists():
            return []
        _check_owner(folder)
        # By name: it begins with the time.
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except (OSError, ValueError) as error:
        log.warning("the journal in %s is not read: %s", folder, error)
        return []


def _name(evidence: Evidence) -> str:
    # The id may be a stranger's text, so it does not name a file.
    digest = hashlib.sha256(f"{evidence.queue}\0{evidence.mail_id}".encode()).hexdigest()[:24]
    name = f"{round(evidence.created_at * 1000):015d}-{digest}-{evidence.fence}"
    return f"{name}-{quote(evidence.owner, safe='')}" if evidence.owner else name


def _owner_in(path: Path) -> str:
    """It stands in the name: workers of earlier releases read the entries too, and take none with a field that they do not know."""
    parts = path.name.removesuffix(SUFFIX).split("-", 3)
    return unquote(parts[3]) if len(parts) > 3 else ""


def _written(evidence: Evidence) -> bytes:
    body = json.dumps(evidence.to_dict(), ensure_ascii=True, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def _read(octets: bytes) -> Evidence:
    checksum, _, body = octets.partition(b"\n")
    if hashlib.sha256(body.removesuffix(b"\n")).hexdigest().encode() != checksum:
        raise ValueError("its checksum is wrong")
    return Evidence.from_dict(json.loads(body))


def _write_synced(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
