"""`Router`: from a recipient's domain to the hosts that take its mail, and what TLS must prove at each.

RFC 5321 section 5.1 with RFC 7505; RFC 7672 where DANE is on, RFC 8461 where MTA-STS is. Nothing is kept here: every answer is
the resolver's, for as long as its TTL says.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import groupby
from typing import Self

from notifier.errors import ConfigurationError, DeliveryError, Phase, fault_error
from notifier.model.address import a_labels
from notifier.protocol import taxonomy
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import TLSPolicy
from notifier.smtp.mx.answers import SPARE, Answer, Exchange, LookupFailed, Lookups
from notifier.smtp.mx.discovery import Found, discovered
from notifier.smtp.mx.hosts import Forbidden, Hosts
from notifier.smtp.mx.rules import MTASTS, MxRules
from notifier.smtp.mx.screen import Screen
from notifier.smtp.mx.sts import Policies
from notifier.smtp.mx.sts_fetch import HTTPS, PolicyFetcher
from notifier.smtp.mx.sts_policy import Mode, Policy
from notifier.smtp.trust import Trust, Unauthenticated, WebPKI

log = logging.getLogger(__name__)

MOST_HOSTS = 8  # of a domain, the preferred ones; RFC 5321 wants two at least
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")
# Which failure is told where no host is left: the first of these that there is. What may pass comes first.
_TELLING = ("D3", "D7", "D6", "D5", "D2")


@dataclass(frozen=True, slots=True)
class Hop:
    """One MX host, and what TLS must prove there."""

    host: str
    tls: TLSPolicy
    trust: Trust


Route = tuple[tuple[Hop, ...], ...]  # hosts of equal preference together, the preferred ones first


@dataclass(frozen=True, slots=True)
class _Quest:
    """One domain's routing. ``aliases``: it, and what it is an alias of. ``implicit``: it has no MX and is its own host.
    ``enforced``: its hosts are those of its policy. ``surely_its_own``: nobody else can have named them.
    """

    domain: str
    deadline: Deadline
    aliases: tuple[str, ...]
    implicit: bool
    surely_its_own: bool
    enforced: bool = False


class Router:
    """Safe to share between threads and after a fork."""

    def __init__(
        self, lookups: Lookups, hosts: Hosts, rules: MxRules, *, port: int = 25, policies: Policies | None = None
    ) -> None:
        self.hosts = hosts
        self._lookups = lookups
        self._rules = rules
        self._port = port
        self._policies = policies

    @classmethod
    def open(
        cls,
        rules: MxRules,
        *,
        port: int = 25,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        https_port: int = HTTPS,
    ) -> Self:
        """With a resolver, a screen and a cache of policies of its own.

        Raises `ConfigurationError` where dnspython is missing, or no nameserver is there that the rules can trust.
        """
        resolver = import_module("notifier.smtp.mx.resolver").Resolver(rules.resolvers, clock=clock)
        if rules.dane and not resolver.trusted:
            raise ConfigurationError(
                ["dane=on needs a validating resolver on this host, or one that is named and trusted: resolver="]
            )
        hosts = Hosts(resolver, Screen(rules.allow))
        fetch = PolicyFetcher(hosts.resolve, ca_file, https_port).fetch
        policies = None if rules.mtasts is MTASTS.OFF else Policies(resolver, fetch, clock=clock)
        return cls(resolver, hosts, rules, port=port, policies=policies)

    def route(self, domain: str, deadline: Deadline) -> Route:
        """At least one host. Raises a `DeliveryError` leaf: rows D2 to D7, L2."""
        name = _a_labels(domain)
        try:
            answer = self._lookups.exchanges(name, deadline)
        except LookupFailed as failure:
            raise _error("D3", name, str(failure)) from failure
        exchanges, implicit = _exchanges(name, answer)
        aliases = tuple(dict.fromkeys((name, answer.canonical or name)))
        # Nobody can name another host for a domain that is its own.
        quest = _Quest(name, deadline, aliases, implicit, surely_its_own=answer.secure or implicit)
        quest, exchanges = self._by_policy(quest, exchanges)
        return _in_tiers(self._hops(quest, exchanges[:MOST_HOSTS]))

    # which hosts ----------------------------------------------------------------------------------------------------

    def _by_policy(self, quest: _Quest, exchanges: list[Exchange]) -> tuple[_Quest, list[Exchange]]:
        """Without the hosts that are not in the domain's MTA-STS policy, where that is enforced."""
        if self._policies is None:
            return quest, exchanges
        for look in (self._policies.of, self._policies.anew):
            policy = look(quest.domain, quest.deadline)
            if policy is None or not self._is_enforced(quest.domain, policy, exchanges):
                return quest, exchanges
            if included := [one for one in exchanges if policy.includes(one.host)]:
                return replace(quest, enforced=True, surely_its_own=True), included
        raise _error("L2", quest.domain, f"none of the MX hosts is in the MTA-STS policy of {quest.domain}")

    def _is_enforced(self, domain: str, policy: Policy, exchanges: Iterable[Exchange]) -> bool:
        if policy.mode is Mode.ENFORCE and self._rules.mtasts is MTASTS.ENFORCE:
            return True
        strange = [one.host for one in exchanges if not policy.includes(one.host)]
        if strange and policy.mode is not Mode.NONE:
            log.info("MTA-STS in testing: %s of %s not in its policy", ", ".join(strange), domain)
        return False

    def _hops(self, quest: _Quest, exchanges: Iterable[Exchange]) -> list[tuple[int, Hop]]:
        """Those that can be tried now; where there are none, the most telling reason is raised."""
        hops: list[tuple[int, Hop]] = []
        errors: list[DeliveryError] = []
        for exchange in exchanges:
            try:
                hops.append((exchange.preference, self._hop(quest, exchange.host)))
            except DeliveryError as error:
                errors.append(error)
            if hops:
                quest = replace(quest, deadline=min(quest.deadline, Deadline.after(SPARE)))
        if not hops:
            raise min(errors, key=lambda error: _TELLING.index(error.taxonomy_id))
        return hops

    def _hop(self, quest: _Quest, host: str) -> Hop:
        addresses = self._addresses(quest, host)
        found: Found | None = None
        if self._rules.dane:
            try:
                found = discovered(self._lookups, host, self._port, addresses, quest.deadline)
            except LookupFailed as failure:
                raise _error("D7", host, str(failure)) from failure
        return self._with_trust(quest, host, found)

    def _addresses(self, quest: _Quest, host: str) -> Answer[str]:
        found: Answer[str] = Answer()
        try:
            if _HOST.match(host):  # a name that no host can have would stand in logs and in SNI
                found = self.hosts.addresses(host, quest.deadline)
        except LookupFailed as failure:
            raise _error("D3", host, str(failure)) from failure
        except Forbidden as forbidden:
            raise _error("D6", host, str(forbidden)) from forbidden
        if found.records:
            return found
        if quest.implicit:
            raise _error("D2", host, f"{host} has neither MX nor address", "5.1.2")
        raise _error("D5", quest.domain, f"no MX host of {quest.domain} has an address", "5.4.4")

    # what TLS must prove --------------------------------------------------------------------------------------------

    def _with_trust(self, quest: _Quest, host: str, found: Found | None) -> Hop:
        """What the host's own zone publishes goes before its domain's policy (RFC 8461 section 2)."""
        if found is not None and found.usable:
            return Hop(host, TLSPolicy.REQUIRED, found.trust(quest.aliases, surely_its_own=quest.surely_its_own))
        if quest.enforced:
            return Hop(host, TLSPolicy.REQUIRED, WebPKI())
        if found is not None:  # records that say TLS, and nothing that we understand: RFC 7672 section 2.2
            return Hop(host, TLSPolicy.REQUIRED, Unauthenticated())
        return Hop(host, self._rules.tls, Unauthenticated())


def _a_labels(domain: str) -> str:
    if domain.startswith("["):
        words = f"{domain} is an address literal, and mail for those is not delivered: it would go around every check"
        raise _error("D2", domain, words, "5.1.3")
    try:
        return a_labels(domain)
    except UnicodeError as error:
        raise _error("D2", domain, f"{domain!r} is no domain: {error}", "5.1.2") from error


def _exchanges(name: str, answer: Answer[Exchange]) -> tuple[list[Exchange], bool]:
    """In their order, and whether they are implied: RFC 5321 section 5.1."""
    if not answer.exists:
        raise _error("D2", name, f"there is no domain {name}", "5.1.2")
    if not answer.records:
        return [Exchange(0, name)], True
    best = {one.host: one for one in sorted(answer.records, reverse=True) if one.host != "."}
    if not best:
        raise _error("D4", name, f"{name} takes no mail: its MX is null", "5.1.10")
    return sorted(best.values()), False


def _in_tiers(hops: Iterable[tuple[int, Hop]]) -> Route:
    tiers = groupby(hops, key=lambda pair: pair[0])
    return tuple(tuple(hop for _, hop in tier) for _, tier in tiers)


def _error(row: str, host: str, words: str, enhanced: str | None = None) -> DeliveryError:
    return fault_error(taxonomy.fault(row, Phase.DNS, words, host=host, enhanced=enhanced))
