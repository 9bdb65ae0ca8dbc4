"""The portal takes only its share of the API server's threads, also while its store hangs."""

from __future__ import annotations

import asyncio

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from directory_sync.portal.concurrency_limit import FULL, ConcurrencyLimit
from directory_sync.portal.typed_texts import SentForm


def refuse(request: Request, status: int, detail: str, *, sent: SentForm) -> Response:
    return PlainTextResponse(detail + "".join(f" {each.name}={each.text}" for each in sent.typed), status)


def test_so_many_are_let_in_and_others_told_to_come_back() -> None:
    """Two hang, a third waits and is refused in words; when the two are done, there is room again, also after
    an error.
    """

    async def scenario() -> None:
        inside, full, hang = 0, asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal inside
            inside += 1
            if inside == 2:
                full.set()
            await hang.wait()
            if scope["path"] == "/broken":
                raise ZeroDivisionError
            await PlainTextResponse("done")(scope, receive, send)

        transport = httpx.ASGITransport(
            ConcurrencyLimit(app, refuse=refuse, most=2, patience=0.1), raise_app_exceptions=False
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            first, second = (asyncio.create_task(client.get(path)) for path in ("/one", "/broken"))
            await full.wait()
            refused = await client.get("/three")
            assert (refused.status_code, refused.text, inside) == (503, FULL, 2)
            typed = await client.post("/three", data={"reason": "Too many.", "digest": "x"})
            assert typed.text == f"{FULL} reason=Too many.", "what was typed is not lost"
            hang.set()
            assert [(await first).status_code, (await second).status_code] == [200, 500]
            later = await asyncio.gather(*(client.get("/later") for _ in range(8)))
            assert [answer.text for answer in later] == ["done"] * 8

    asyncio.run(scenario())


def test_a_slow_reader_takes_no_place() -> None:
    """From the first byte of the answer on, however long it takes to read it, others are let in."""

    async def scenario() -> None:
        read = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse("done")(scope, receive, send)

        async def slowly(message: Message) -> None:
            await read.wait()

        async def receive() -> Message:
            return {"type": "http.request"}

        async def at_once(message: Message) -> None:
            answered.append(message["type"])

        answered: list[str] = []
        scope = {"type": "http", "path": "/", "method": "GET", "headers": []}
        limit = ConcurrencyLimit(app, refuse=refuse, most=1, patience=0.1)
        slow = asyncio.create_task(limit(scope, receive, slowly))
        await asyncio.sleep(0)
        await asyncio.wait_for(limit(scope, receive, at_once), 5)
        assert answered == ["http.response.start", "http.response.body"]
        assert not slow.done()
        read.set()
        await slow

    asyncio.run(scenario())


def test_the_portal_has_a_limit() -> None:
    """It is part of the app that Airflow mounts."""
    from directory_sync.portal.app import create_app

    assert "ConcurrencyLimit" in [middleware.cls.__name__ for middleware in create_app().user_middleware]  # type: ignore[attr-defined]
