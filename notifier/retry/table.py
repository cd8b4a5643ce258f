"""`RetryTable`: which policy a fault gets. By taxonomy id first, then by class axis, then by phase, never by chance of
the MRO. Operators lay rows over it by class name or id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from notifier import errors
from notifier.errors import (
    DeliveryError,
    MisconfiguredError,
    RendererUnavailable,
    SMTPException,
    StoreError,
    TransientError,
)
from notifier.retry.policy import GREYLISTING, MAILBOX_FULL, RetryPolicy

B1 = RetryPolicy()
B2 = RetryPolicy(first=1)
B3 = RetryPolicy(GREYLISTING)
B4 = RetryPolicy(MAILBOX_FULL)
F1 = RetryPolicy(fresh_first=True)
BLOBS = RetryPolicy((60.0,))  # what the mail needs is not to be had here

Key = str | type[BaseException]

_BY_ID: Mapping[str, RetryPolicy] = {
    **dict.fromkeys(("C1", "C5", "L1", "G1", "E3", "S3", "A2", "A8", "A6", "M1", "R10", "R12"), B1),
    **dict.fromkeys(("X4", "X5", "W1", "W3", "C3", "S5", "S6", "LIM", "PAU"), B1),
    **dict.fromkeys(
        ("D1", "D3", "D5", "D6", "D7", "C2", "C4", "L2", "L3", "L4", "G2", "G3", "G4", "E1", "E2", "E4"), B2
    ),
    **dict.fromkeys(("S1", "S2", "S4", "A1", "A3", "A4", "M2", "M3", "M6", "X1", "W2", "Z2", "N7", "N7C", "TEN"), B2),
    **dict.fromkeys(("M0", "M5", "G5", "X2", "P1", "A5", "Q1"), F1),
    **dict.fromkeys(("R3", "R4"), B1),  # seen where the further transactions at once (law 12) have got no further
    "R2": B3,
    "R5": B4,
}
_BY_CLASS: Mapping[type[BaseException], RetryPolicy] = {
    TransientError: B1,
    MisconfiguredError: B2,
    StoreError: BLOBS,
    RendererUnavailable: BLOBS,
}


@dataclass(frozen=True, slots=True)
class RetryTable:
    """Rows by taxonomy id, class axis and phase class, and by the full names of an application's own classes (which are
    not imported for that). An error without a row is not retried.
    """

    by_id: Mapping[str, RetryPolicy]
    by_class: Mapping[type[BaseException], RetryPolicy]
    by_name: Mapping[str, RetryPolicy] = field(default_factory=dict)

    def policy_for(self, error: BaseException) -> RetryPolicy | None:
        """The policy of an error; None where trying again is no use."""
        if isinstance(error, DeliveryError) and error.taxonomy_id in self.by_id:
            return self.by_id[error.taxonomy_id]
        for row in type(error).__mro__ if self.by_name else ():
            if (name := f"{row.__module__}.{row.__qualname__}") in self.by_name:
                return self.by_name[name]
        for axis in (DeliveryError, SMTPException, BaseException):
            for row in type(error).__mro__:
                if row in self.by_class and issubclass(row, axis):
                    return self.by_class[row]
        return None

    def with_rows(self, rows: Mapping[Key, RetryPolicy]) -> RetryTable:
        """These rows laid over; a key is an exception class, its name in `notifier.errors`, a taxonomy id, or the full name
        of a class elsewhere (``shop.errors.NoStock``).

        Raises `ValueError` for a name that is none of these.
        """
        by_id, by_class, by_name = dict(self.by_id), dict(self.by_class), dict(self.by_name)
        for key, policy in rows.items():
            if isinstance(key, type):
                by_class[key] = policy
            elif key in self.by_id:
                by_id[key] = policy
            elif isinstance(named := getattr(errors, key, None), type) and issubclass(named, BaseException):
                by_class[named] = policy
            elif _is_dotted(key):
                by_name[key] = policy
            else:
                raise ValueError(f"no error class and no taxonomy id: {key!r}")
        return RetryTable(by_id, by_class, by_name)

    def without_row(self, key: str) -> RetryTable:
        """Errors of that taxonomy id, or class of `notifier.errors`, are not tried again for it.

        Raises `ValueError` where there is no such row.
        """
        named = getattr(errors, key, None)
        if key in self.by_id:
            return replace(self, by_id={one: policy for one, policy in self.by_id.items() if one != key})
        if isinstance(named, type) and named in self.by_class:
            return replace(self, by_class={one: policy for one, policy in self.by_class.items() if one is not named})
        raise ValueError(f"the retry table has no row {key!r} that could be taken away")

    def scaled(self, factor: float) -> RetryTable:
        """Every wait multiplied."""
        return RetryTable(
            {key: policy.scaled(factor) for key, policy in self.by_id.items()},
            {key: policy.scaled(factor) for key, policy in self.by_class.items()},
            {key: policy.scaled(factor) for key, policy in self.by_name.items()},
        )


def _is_dotted(key: str) -> bool:
    return "." in key and all(part.isidentifier() for part in key.split("."))


DEFAULT_TABLE = RetryTable(_BY_ID, _BY_CLASS)
