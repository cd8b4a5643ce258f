"""What cannot be run here: up to 1,000 replicas, each with a processor of its own, and 10,000 relays, simulated."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.relays import Relay

NO_LIMIT = 1_000.0  # mails a second to each relay: more than all of them get


@dataclass(frozen=True, slots=True)
class Scenario:
    """Replicas and relays are divided evenly among the stores, which know nothing of each other: one is simulated."""

    replicas: int
    stores: int
    relays: int
    rate: float
    connections: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Mails a second of all stores; of the store's time how much it was busy; mails that a limit put back, for each one sent."""

    rate: float
    busy: float
    put_back: float
    most: int  # connections to one relay at once


def plan(replicas: int, relays: int, seconds: float) -> list[Scenario]:
    """More replicas on one store, then more stores."""
    few = [max(1, replicas // part) for part in (1000, 100, 20, 10, 1)]
    one = [Scenario(count, 1, relays, NO_LIMIT, 2, seconds) for count in dict.fromkeys(few)]
    return [*one, *(Scenario(replicas, stores, relays, NO_LIMIT, 2, seconds) for stores in (4, 16))]


def limited(replicas: int, relays: int, seconds: float, rate: float) -> Scenario:
    """All relays together take ``rate`` mails a second, by one connection each."""
    return Scenario(replicas, 1, relays, rate / relays, 1, seconds)


def simulate(scenario: Scenario, costs: Costs) -> Answer:
    """Raises `RuntimeError` where the model itself passes a cap."""
    plant = Plant(costs)
    mine = [Relay(scenario.rate, scenario.connections) for _ in range(max(1, scenario.relays // scenario.stores))]
    capacity = scenario.seconds / max(costs.store, (costs.worker + costs.store) / scenario.replicas)
    plant.give(mine, max(2, round(2 * min(capacity / len(mine), scenario.rate * scenario.seconds))))
    rate = plant.run(max(1, scenario.replicas // scenario.stores), scenario.seconds)
    most = max(relay.most for relay in mine)
    if most > scenario.connections:
        raise RuntimeError(f"the model is wrong: {most} connections to a relay that takes {scenario.connections}")
    counted = plant.counted(scenario.seconds)
    return Answer(rate * scenario.stores, plant.store_busy / counted, plant.put_back / max(1.0, rate * counted), most)
