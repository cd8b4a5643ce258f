"""The fuzz target stays true to its seeds, and to what Hypothesis thinks of; `make fuzz` looks further."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.target import one_input
from hypothesis import given
from hypothesis import strategies as st

CORPUS = sorted((Path(__file__).parents[1] / "fuzz" / "corpus").iterdir())


@pytest.mark.parametrize("seed", CORPUS, ids=lambda path: path.name)
def test_every_seed_passes(seed: Path) -> None:
    one_input(seed.read_bytes())


@given(
    st.lists(
        st.sampled_from(
            [b"250-", b"250 ", b"550 5.1.1 ", b"354", b"\r\n", b"\n", b"\r", b"\0", b"x", b"SIZE 1", b"AUTH="]
        )
    )
)
def test_what_looks_like_replies_passes(pieces: list[bytes]) -> None:
    one_input(b"\x03" + b"".join(pieces))
