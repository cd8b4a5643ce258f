"""What a path of the metrics server answers."""

from __future__ import annotations

from collections.abc import Callable

Page = Callable[[str], tuple[bytes, str]]  # from the Accept header to the body and its content type
