"""The profiles: whose a look is, and the floors beside them. py-spy itself is only in the benchmarks' environment."""

from __future__ import annotations

from benchmarks.profiles.floors import encryption, imported
from benchmarks.profiles.least import BLOCK, recorded, rendered
from benchmarks.profiles.shares import CELERY, COMPILING, LEDGER, RENDERING, REST, SMTP, owned, shares

WORKER = "main (celery/__main__.py:19);workloop (billiard/pool.py:357)"
STORE = "settle (notifier/store/redis_store.py:200);execute_command (redis/client.py:500);read (socket.py:7)"
BROKER = "brpop (kombu/transport/redis.py:900);execute_command (redis/client.py:500)"


def test_what_a_library_takes_is_its_callers() -> None:
    assert owned(f"{WORKER};{STORE}".split(";")) == (LEDGER, "settle (notifier/store/redis_store.py:200)")
    assert owned(f"{WORKER};{BROKER}".split(";")) == (CELERY, "brpop (kombu/transport/redis.py:900)")


def test_the_innermost_of_two_owners_decides() -> None:
    assert owned([*STORE.split(";"), "read (notifier/smtp/stream.py:9)", "recv (socket.py:7)"])[0] == SMTP


def test_a_template_that_is_compiled_is_not_rendered() -> None:
    rendering = ["render (notifier/rendering/renderer.py:9)", "root (order/body.html.j2:4)"]
    compiling = [*rendering[:1], "compile (jinja2/environment.py:700)", "visit (jinja2/compiler.py:9)"]
    assert (owned(rendering)[0], owned(compiling)[0]) == (RENDERING, COMPILING)


def test_a_stack_of_nobody_is_the_interpreters() -> None:
    assert owned(["<module> (site.py:1)"]) == (REST, "<module> (site.py:1)")


def test_looks_are_summed_and_stacks_can_be_left_out() -> None:
    found = shares([f"{WORKER};{STORE} 3\n", f"{WORKER} 2\n"], lambda frames: any("settle" in one for one in frames))
    assert (found.samples, found.parts[LEDGER]) == (3, 3)


def test_a_look_that_was_torn_counts_for_nothing() -> None:
    assert shares(['process 7:"celery -l WARNING";', f"{WORKER};{STORE} 3"]).samples == 3


def test_octets_without_a_client_arrive_whole_with_tls_and_without() -> None:
    assert all(seconds > 0 for seconds in encryption(1))


def test_the_least_of_a_mail_is_more_than_nothing() -> None:
    assert recorded(BLOCK) > 0
    assert recorded(BLOCK, 1) > 0
    assert all(seconds > 0 for seconds in rendered(BLOCK))


def test_what_imports_load_is_listed_the_dearest_first() -> None:
    found = imported("import notifier")
    assert "notifier" in dict(found)
    assert "encodings" not in dict(found)  # every interpreter loads that
    assert [seconds for _, seconds in found] == sorted((seconds for _, seconds in found), reverse=True)
