from __future__ import annotations

from store_conformance import StoreConformance


class TestTheLedgerOnAPlayedRedis(StoreConformance):
    pass
