"""The console on a port of its own, in a thread."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Container

from notifier.console.operator_page.access import Access
from notifier.console.operator_page.app import create_console_app
from notifier.console.operator_page.entrance import Entrance
from notifier.console.operator_page.pulse import Pulse
from notifier.console.operator_page.reading import Reading, Work
from notifier.console.operator_page.veil import Veil
from notifier.console.preview_page.specimens import Specimens
from notifier.console.preview_page.templates import Templates
from notifier.console.serving import ServedPage, names
from notifier.model.address import Address


class Addresses(Container[str]):
    """Any IP address, for no stranger's name stands for one in the Host field; and the names that were given."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = frozenset(name.lower() for name in known)

    def __contains__(self, name: object) -> bool:
        return name in self._known or _is_address(str(name))


class ConsolePage(ServedPage):
    """Serves while the ``with`` block runs. ``port`` 0 takes a free one. ``names_beside``: what else it is called, where a
    proxy or a container is in front of it.
    """

    def __init__(
        self,
        access: Access,
        templates: Templates,
        sender: Address,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names_beside: Collection[str] = (),
        show_bodies: bool = False,
        read_only: bool = False,
        rendering: Callable[[Work[object]], object] = lambda work: work(),
    ) -> None:
        self.access = access
        self._pulse = Pulse()
        specimens = Specimens(templates, sender, rendering)  # type: ignore[arg-type]  # it returns what the function does
        local = names(host)
        app = create_console_app(
            Entrance(access, f"notifier_console_{port}"),
            Reading(specimens, self._pulse, rendering),
            veil=Veil(lifted=show_bodies),
            may_act=not read_only,
            hosts=Addresses(names_beside) if local is None else local | {name.lower() for name in names_beside},
        )
        super().__init__(app, "console", host, port)

    @property
    def link(self) -> str:
        """A new way in, that works once."""
        return f"{self.url}enter?token={self.access.new_link()}"

    def stop(self) -> None:
        """Count no more, close the port and end the thread."""
        self._pulse.stop()
        super().stop()

    def start(self) -> ConsolePage:
        """Listen, serve and count. Raises `OSError` where the port is taken."""
        super().start()
        self._pulse.start()
        return self


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
