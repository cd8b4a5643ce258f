"""`python -m notifier`: the command `notifier`, for where its script is not on the path."""

from __future__ import annotations

from notifier.cli import main

if __name__ == "__main__":
    main()
