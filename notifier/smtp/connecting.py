"""From an endpoint to a connected socket: straight, or through its proxy; what goes wrong becomes a row."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from functools import partial

from notifier.errors import DeliveryError, Phase, fault_error
from notifier.protocol import taxonomy
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint
from notifier.smtp.proxy import Proxy, ProxyRefusal, dialogue
from notifier.smtp.race import ATTEMPT_DELAY, Race, alone
from notifier.smtp.resolving import LOCAL_SHORTAGE, Address, Resolve, interleaved, looked_up, system_addresses
from notifier.smtp.tunnel import lead_through

_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)  # of Linux
_MOST_MILLISECONDS = 2**31 - 1  # and 0 would be the system's own time

# The most telling first: a host that answers tells more than silence, silence more than a family without a route here.
_TELLING = (errno.ECONNRESET, errno.ECONNREFUSED, errno.ETIMEDOUT)


class _BindFailed(Exception):
    """Its cause is the system's error. Not an `OSError` itself: the race takes those for the address's failure."""


def connected(endpoint: Endpoint, resolve: Resolve = system_addresses) -> socket.socket:
    """A non-blocking socket to the relay, within ``timeouts.connect`` seconds for everything but the resolver.

    Raises a `DeliveryError` leaf: rows D1, D3, C1 to C5; nothing stays open then.
    """
    deadline = Deadline.after(endpoint.timeouts.connect)
    if endpoint.socket_path is not None:
        return _raced([Address(socket.AF_UNIX, endpoint.socket_path)], endpoint, deadline, prepare=_leave_alone)
    if endpoint.proxy is not None:
        return _through(endpoint.proxy, endpoint, resolve, deadline)
    return _reached(endpoint.host, endpoint.port, endpoint, resolve, deadline)


def _through(proxy: Proxy, endpoint: Endpoint, resolve: Resolve, deadline: Deadline) -> socket.socket:
    try:
        words = dialogue(proxy, endpoint.host, endpoint.port)  # refuses a bad name before anything is connected
    except ValueError as error:
        raise fault_error(taxonomy.fault("D1", Phase.DNS, str(error), host=endpoint.name)) from error
    sock = _reached(proxy.host, proxy.port, endpoint, resolve, deadline)
    try:
        lead_through(sock, words, deadline)
    except ProxyRefusal as refusal:
        sock.close()
        raise _error(refusal.row, str(refusal), endpoint, "through") from refusal
    except OSError as error:
        sock.close()
        row = "C2" if isinstance(error, TimeoutError) else "C5"
        raise _error(row, _words(error), endpoint, "through") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _reached(host: str, port: int, endpoint: Endpoint, resolve: Resolve, deadline: Deadline) -> socket.socket:
    found = looked_up(host, port, resolve, endpoint.name)
    if not deadline.remaining:  # or a slow resolver would be told as a host that does not answer
        words = f"the addresses of {host!r} came after the time for connecting was over"
        raise fault_error(taxonomy.fault("D3", Phase.DNS, words, host=endpoint.name))
    addresses = interleaved(_of_source_family(found, endpoint))
    if any(address.family == socket.AF_UNIX for address in addresses):  # a resolver may know a host by its socket
        return _raced(addresses, endpoint, deadline, prepare=_leave_alone)
    sock = _raced(addresses, endpoint, deadline, prepare=partial(_prepare, source=endpoint.source_address))
    _limit_silence(sock, endpoint.silence)
    return sock


def _of_source_family(found: Sequence[Address], endpoint: Endpoint) -> Sequence[Address]:
    """The addresses that the source address can reach. Another source is never taken silently (row C4)."""
    source = endpoint.source_address
    if source is None:
        return found
    try:
        family = socket.AF_INET if ipaddress.ip_address(source).version == 4 else socket.AF_INET6
    except ValueError as error:
        raise _error("C4", f"the source address {source!r} is no IP address", endpoint) from error
    if not (fitting := [address for address in found if address.family == family]):
        raise _error("C4", f"the host has no address of the family of the source address {source}", endpoint)
    return fitting


def _raced(
    addresses: Sequence[Address], endpoint: Endpoint, deadline: Deadline, prepare: Callable[[socket.socket], None]
) -> socket.socket:
    failures: Sequence[OSError] = ()
    try:
        if len(addresses) == 1:
            return alone(addresses[0], deadline, prepare)
        # A short time for connecting is divided, so that every address has its turn in it.
        delay = min(ATTEMPT_DELAY, deadline.remaining / len(addresses))
        race = Race(addresses, deadline, delay=delay, prepare=prepare)
        sock, failures = race.winner(), race.failures
    except _BindFailed as error:
        words = f"the source address {endpoint.source_address} cannot be used: {error}"
        raise _error("C4", words, endpoint) from error
    except OSError as error:
        raise _error(_row(error), _words(error), endpoint) from error
    if sock is None:
        raise _lost(failures, endpoint)
    return sock


def _limit_silence(sock: socket.socket, seconds: float) -> None:
    """Left to itself the system writes a terminator again for a quarter of an hour, when another worker has the mail."""
    if _USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, min(max(1, round(seconds * 1000)), _MOST_MILLISECONDS))


def _leave_alone(sock: socket.socket) -> None:
    """A socket of the UNIX family has no options of TCP."""


def _prepare(sock: socket.socket, source: str | None) -> None:
    # Without it a message over 16 KB stalls 40 ms on its last segment.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if source is not None:
        try:
            sock.bind((source, 0))
        except OSError as error:
            raise _BindFailed(_words(error)) from error


def _lost(failures: Sequence[OSError], endpoint: Endpoint) -> DeliveryError:
    error = min(failures, key=_reticence)
    tried = f" (the most telling of {len(failures)} failures)" if len(failures) > 1 else ""
    return _error(_row(error), f"{_words(error)}{tried}", endpoint)


def _reticence(error: OSError) -> int:
    if error.errno in _TELLING:
        return _TELLING.index(error.errno)
    # EADDRNOTAVAIL is what a host with IPv6 turned off says of ::1; every other failure tells more.
    return len(_TELLING) + (error.errno == errno.EADDRNOTAVAIL)


def _row(error: OSError) -> str:
    if error.errno in LOCAL_SHORTAGE or error.errno == errno.EADDRNOTAVAIL:
        return "C3"
    # C5: accepted, and thrown out before a word was said.
    return {errno.ECONNRESET: "C5", errno.ETIMEDOUT: "C2"}.get(error.errno or 0, "C1")


def _words(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)


def _error(row: str, words: str, endpoint: Endpoint, way: str = "to") -> DeliveryError:
    """``way``: to or through the proxy, where there is one."""
    way = "" if endpoint.proxy is None or endpoint.socket_path is not None else f" {way} {endpoint.proxy.name}"
    return fault_error(taxonomy.fault(row, Phase.CONNECT, f"cannot connect{way}: {words}", host=endpoint.name))
