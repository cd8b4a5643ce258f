"""Who may see the console: whoever came by a link that works once, or knows the token, has a session by a cookie."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_SESSIONS = 20  # the one that was idle longest goes for a new one
MOST_LINKS = 5
IDLE = 12 * 3600.0  # seconds until a session that nobody uses ends


@dataclass(slots=True)
class Session:
    """One browser's. ``form_token`` is in our own forms and nowhere else; ``notices`` are shown once."""

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    notices: list[tuple[bool, str]] = field(default_factory=list)
    seen_at: float = 0.0

    def tell(self, done: bool, words: str) -> None:
        """For the page that is loaded next."""
        self.notices.append((done, words))
        del self.notices[:-50]

    def told(self) -> list[tuple[bool, str]]:
        """What was not shown yet."""
        notices, self.notices = self.notices, []
        return notices


class Access:
    """``token`` None: a link is the only way in. Safe to share between threads."""

    def __init__(self, token: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._lock = threading.Lock()
        self._links: list[str] = []
        self._sessions: list[Session] = []

    def new_link(self) -> str:
        """A token that opens one session; earlier ones stay good, up to a few."""
        with self._lock:
            self._links = [*self._links[1 - MOST_LINKS :], secrets.token_urlsafe(32)]
            return self._links[-1]

    def enter(self, given: str, *, in_an_address: bool = False) -> Session | None:
        """A session for a token; one of a link is spent by that. None where it is none.

        ``in_an_address``: it stays in histories and logs of proxies, so that one that may be used again is none.
        """
        with self._lock:
            link = next((one for one in self._links if _same(one, given)), None)
            if link is not None:
                self._links.remove(link)
            elif self._token is None or in_an_address or not _same(self._token, given):
                return None
            session = Session(seen_at=self._clock())
            self._sessions = sorted(self._living(), key=lambda one: one.seen_at)[1 - MOST_SESSIONS :]
            self._sessions.append(session)
            return session

    def session(self, secret: str) -> Session | None:
        """The session of a cookie's secret, used now."""
        with self._lock:
            self._sessions = self._living()
            found = next((one for one in self._sessions if _same(one.secret, secret)), None)
            if found is not None:
                found.seen_at = self._clock()
            return found

    def leave(self, session: Session) -> None:
        """The session ends."""
        with self._lock:
            self._sessions = [one for one in self._sessions if one is not session]

    def _living(self) -> list[Session]:
        return [one for one in self._sessions if self._clock() - one.seen_at < IDLE]


def _same(one: str, other: str) -> bool:
    """In a time that says nothing of how much of it is right."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
