from __future__ import annotations

import os
from itertools import pairwise

from notifier.tasks.orders import Orders


def test_a_child_sees_what_its_parent_orders_later() -> None:
    orders = Orders()
    orders.prepare()
    asked, answer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(asked, 1)
        os._exit(10 * orders.draining + orders.reloads)
    orders.drain()
    orders.reload()
    os.write(answer, b".")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11


def test_the_order_of_one_worker_is_none_of_another() -> None:
    one, other = Orders(), Orders()
    one.prepare()
    other.prepare()
    one.drain()
    assert not other.draining


def test_a_worker_that_is_started_anew_in_the_same_process_drains_no_more() -> None:
    orders = Orders()
    orders.prepare()
    orders.drain()
    orders.prepare()
    assert not orders.draining


def test_each_reload_is_another_number() -> None:
    orders = Orders()
    seen = [orders.reloads]
    for _ in range(300):
        orders.reload()
        seen.append(orders.reloads)
    assert all(before != after for before, after in pairwise(seen))
