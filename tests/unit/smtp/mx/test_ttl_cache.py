"""What is known until its time is over, within a bound."""

from __future__ import annotations

from driven import driven
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notifier.smtp.mx.cache import TTLCache

MOST = 4
KEYS = st.sampled_from("abcdef")


class CacheMachine(RuleBasedStateMachine):
    """Beside a model that keeps everything, with the end of its time and the moment of its last use."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.used = 0
        self.cache: TTLCache[str, int] = TTLCache(MOST, lambda: self.now)
        self.model: dict[str, tuple[int, float, int]] = {}

    @rule(key=KEYS, value=st.integers(), seconds=st.sampled_from([0.0, 1.0, 5.0, 60.0]))
    def put(self, key: str, value: int, seconds: float) -> None:
        self.used += 1
        self.cache.put(key, value, seconds)
        self.model.pop(key, None)
        if seconds:
            self.model[key] = value, self.now + seconds, self.used
        if len(self.model) > MOST:
            del self.model[min(self.model, key=lambda one: self.model[one][2])]

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        self.used += 1
        value, until, _ = self.model.get(key, (None, 0.0, 0))
        if until <= self.now:
            value = self.model.pop(key, None) and None
        else:
            self.model[key] = value, until, self.used
        assert self.cache.get(key) == value

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.cache) <= MOST


CacheMachine.TestCase.settings = driven(50, steps=40)
TestCache = CacheMachine.TestCase
