"""One tree of settings, read from the environment; every problem is told at once."""

from notifier.settings.tree import Settings

__all__ = ["Settings"]
