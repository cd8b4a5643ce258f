"""From an outcome or an error to a decision. Pure: no clock, and chance is handed in."""

from notifier.retry.decision import Ask, Decision, Done, GiveUp, Past, Retry, decide, decide_error
from notifier.retry.policy import Ladder, RetryPolicy
from notifier.retry.table import DEFAULT_TABLE, RetryTable

__all__ = [
    "DEFAULT_TABLE",
    "Ask",
    "Decision",
    "Done",
    "GiveUp",
    "Ladder",
    "Past",
    "Retry",
    "RetryPolicy",
    "RetryTable",
    "decide",
    "decide_error",
]
