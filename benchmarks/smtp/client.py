"""One client in a process of its own: `python -m benchmarks.smtp.client NAME PORT FIRST COUNT` writes a JSON line.

``mails`` that were timed, ``seconds`` on the clock, ``processor_seconds`` of this process and of what it has run, user and system
(getrusage). The mails are made before the clock starts.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time

from benchmarks.smtp.load import Load
from benchmarks.smtp.senders import SENDERS


def processor_seconds() -> float:
    """What this process has used and the one that it may have run, user and system."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(name: str, port: str, first: str, count: str) -> None:
    """Send, and say what it took."""
    messages = list(Load(int(first), int(count)).messages())
    with SENDERS[name](int(port), messages) as send:
        gc.collect()
        gc.freeze()  # the mails that wait are the benchmark's, and no client is to pay for looking through them
        began, used = time.perf_counter(), processor_seconds()
        send()
        taken = {"seconds": time.perf_counter() - began, "processor_seconds": processor_seconds() - used}
    print(json.dumps({"mails": len(messages), **taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
