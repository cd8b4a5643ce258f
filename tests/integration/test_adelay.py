"""`adelay`: mails from coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from workers import Plant, plant

from notifier import asend_bulk, send_email, send_message
from notifier.errors import InvalidAddress, InvalidMail, MailNotFound
from notifier.model.ids import new_mail_id
from notifier.tasks.enqueueing import Enqueueing
from notifier.tasks.result import MailResult


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("adelay")) as made:
        yield made


def welcome(to: str = "zoe@example.com", **more: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, **more}


def test_a_mail_is_stored_when_it_returns(works: Plant) -> None:
    async def story() -> MailResult:
        return await send_email.adelay(**welcome())

    assert works.status(asyncio.run(story()).id).state == "waiting"


def test_the_id_is_known_before(works: Plant) -> None:
    async def story() -> tuple[str, str]:
        call = send_email.adelay(**welcome())
        return call.id, (await call).id

    before, after = asyncio.run(story())
    assert before == after


def test_the_same_key_is_the_first_mail(works: Plant) -> None:
    async def story() -> tuple[str, str]:
        first = await send_email.adelay(**welcome(idempotency_key="async-1"))
        again = send_email.adelay(**welcome(idempotency_key="async-1"))
        await again
        return first.id, again.id

    first, again = asyncio.run(story())
    assert first == again


def test_options_of_celery_go_along(works: Plant) -> None:
    mail_id = new_mail_id()

    async def story() -> None:
        await send_email.aapply_async(kwargs=welcome(), task_id=mail_id, queue="mail.urgent", countdown=60)

    asyncio.run(story())
    assert works.status(mail_id).queue == "mail.urgent"


def test_it_is_a_coroutine_for_tasks_and_groups(works: Plant) -> None:
    async def story() -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send_email.adelay(**welcome(f"g{n}@example.com"))) for n in range(40)]
        return [task.result().id for task in tasks]

    ids = asyncio.run(story())
    assert {works.status(one).state for one in ids} == {"waiting"}


def test_a_message_of_ones_own_goes_the_same_way(works: Plant) -> None:
    async def story() -> MailResult:
        return await send_message.adelay(message=b"From: a@example.com\r\nTo: b@example.com\r\n\r\nHello\r\n")

    assert works.status(asyncio.run(story()).id).state == "waiting"


@pytest.mark.parametrize(("wrong", "error"), [({"to": "nobody"}, InvalidAddress), ({"templat": "x"}, InvalidMail)])
def test_what_is_wrong_is_refused_as_by_delay(works: Plant, wrong: dict[str, str], error: type[Exception]) -> None:
    async def story() -> None:
        await send_email.adelay(**{**welcome(), **wrong})

    with pytest.raises(error):
        asyncio.run(story())


def test_a_bulk_is_one_mail_each(works: Plant) -> None:
    async def story() -> list[str]:
        recipients = [{"to": f"bulk{n}@example.com", "context": {"name": str(n)}} for n in range(250)]
        return [row.result.id for row in await asend_bulk(template="welcome", recipients=recipients) if row.result]

    ids = asyncio.run(story())
    assert len(set(ids)) == 250
    assert {works.status(one).queue for one in ids} == {"mail.bulk"}


def test_a_call_that_is_cancelled_before_it_began_stores_nothing(works: Plant) -> None:
    async def story() -> Enqueueing:
        call = send_email.adelay(**welcome())
        task = asyncio.create_task(call)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return call

    call = asyncio.run(story())
    assert not call.stored
    with pytest.raises(MailNotFound):
        works.status(call.id)
