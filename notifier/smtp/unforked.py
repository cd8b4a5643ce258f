"""`UNFORKED`: what is done under it is done before a fork, or after: never in one thread while another one forks.

A child has the memory of all threads and only one of them. A lock that another had taken in that moment stays taken
there for good: one of our own can be made anew, one inside a library cannot.
"""

from __future__ import annotations

import os
import threading

UNFORKED = threading.RLock()  # reentrant: a signal's handler may fork in the middle of it

os.register_at_fork(before=UNFORKED.acquire, after_in_parent=UNFORKED.release, after_in_child=UNFORKED.release)
