"""What a page says where it cannot be made: in plain words, and with the policies of every other answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


def said(request: Request, error: Exception) -> Response:
    """The answer to an `HTTPException`: its words."""
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return PlainTextResponse(error.detail, error.status_code, headers=error.headers)


def broken(policies: Mapping[str, str]) -> Callable[[Request, Exception], Response]:
    """The answer to any other error, which goes to the server's log. It is made outside of every middleware, so the policies are
    put on here.
    """

    def answer(request: Request, error: Exception) -> Response:
        del request, error
        return PlainTextResponse("This page could not be made.", 500, headers=dict(policies))

    return answer
