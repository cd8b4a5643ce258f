from __future__ import annotations

import pytest
from store_conformance import StoreConformance


@pytest.mark.long  # on the real server it is left to `make test` too
class TestTheLedgerOnAPlayedRedis(StoreConformance):
    pass
