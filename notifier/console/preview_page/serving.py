"""The preview on a port of its own, in a thread."""

from __future__ import annotations

from collections.abc import Callable

from notifier.console.preview_page.app import create_preview_app
from notifier.console.preview_page.live import Watch
from notifier.console.preview_page.sending import Desk
from notifier.console.preview_page.templates import Templates
from notifier.console.serving import ServedPage, names
from notifier.model.address import Address
from notifier.model.content import Content

SENDER = Address.parse("Notifier <notifier@example.com>")


class PreviewPage(ServedPage):
    """Serves while the ``with`` block runs. ``port`` 0 takes a free one. On loopback it answers to no other name."""

    def __init__(
        self,
        templates: Templates,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        sender: Address = SENDER,
        desk: Desk | None = None,
        rendering: Callable[[Callable[[], Content]], Content] = lambda work: work(),
    ) -> None:
        self._watch = Watch(templates.stamp)
        app = create_preview_app(
            templates, self._watch, sender=sender, desk=desk or Desk(), hosts=names(host), rendering=rendering
        )
        super().__init__(app, "preview page", host, port)

    def stop(self) -> None:
        """Let every open page go, then close the port and end the thread."""
        self._watch.end()
        super().stop()
