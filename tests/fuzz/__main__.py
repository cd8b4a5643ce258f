"""``python -m fuzz [SECONDS]``, from the folder above: coverage-guided, with the seed corpus; new finds go to the cache."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["notifier.protocol"]):
    from fuzz.target import one_input

SEEDS = Path(__file__).with_name("corpus")
FINDS = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"


def main() -> None:
    """A crash is written to the cache folder, and the exit status is not 0."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    FINDS.mkdir(parents=True, exist_ok=True)
    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=70000", f"-artifact_prefix={FINDS}/"]
    atheris.Setup([*arguments, str(FINDS), str(SEEDS)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
