"""``python -m notifier.smtp``: asks for From, To and the message on the terminal, and sends it to this host's server."""

from __future__ import annotations

import sys

from notifier.smtp.dropin import SMTP


def _asked(what: str) -> str:
    print(f"{what}: ", end="", flush=True)  # noqa: T201 - a program of the terminal
    return sys.stdin.readline().strip()


def main() -> None:
    """The host may be an argument (``host`` or ``host:port``); else it is ``localhost``."""
    sender = _asked("From")
    recipients = [address.strip() for address in _asked("To").split(",")]
    print("Enter message, end with ^D:")  # noqa: T201
    message = sys.stdin.read()
    print(f"Message length is {len(message)}")  # noqa: T201
    with SMTP(sys.argv[1] if len(sys.argv) > 1 else "localhost") as server:
        server.set_debuglevel(1)
        server.sendmail(sender, recipients, message)


if __name__ == "__main__":
    main()
