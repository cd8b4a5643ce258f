from __future__ import annotations

import pytest
from store_conformance import StoreConformance


@pytest.mark.long  # `make check` has those of the parts
class TestTheLedgerOnAPlayedRedis(StoreConformance):
    pass
