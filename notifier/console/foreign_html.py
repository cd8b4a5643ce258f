"""A mail's html, made fit for a frame in a page of ours. It is hostile until shown otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import unquote

_CID = re.compile(r"\bcid:([^\"'\s)>]+)", re.IGNORECASE)
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
# A click opens the link beside the page and never in the frame; there is no script that could click.
_NEW_TAB = '<base target="_blank">'
# A `preconnect`, a frame and a `refresh` tell the sender that the mail is read: the policy stops what they ask for, and the
# browser has connected by then. The word is also seen where no tag is, and looks odd then; a tag is always seen. `meta`
# may stand where those may, and ends itself.
_CONNECTING = re.compile(r"<(?:link|base|i?frame|fencedframe|object|embed)", re.IGNORECASE)
_COMMANDING = re.compile(r"http-equiv", re.IGNORECASE)


def framed(html: str, images: Mapping[str, str], head: str = "") -> str:
    """The html for a frame. ``images`` are the addresses of its ``cid:`` images by Content-ID; ``head`` is put in first."""
    harmless = _COMMANDING.sub("x-http-equiv", _CONNECTING.sub("<meta", html))
    own = _CID.sub(lambda found: images.get(unquote(unescape(found[1])), "about:blank"), harmless)
    place = _HEAD.search(own) or _DOCTYPE.match(own)  # in front of it the page would be one of the nineties
    at = place.end() if place else 0
    return own[:at] + _NEW_TAB + head + own[at:]
