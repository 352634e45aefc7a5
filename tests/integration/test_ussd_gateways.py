"""The gateways over HTTP, as gateways call them, and as nobody should."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from juapesa.db import Database
from juapesa.ussd.app import build_app
from support.ussd_phone import PIN, World, make_world

URL = "/ussd/africastalking/local-gateway"
JSON_URL = "/api/ussd/session"
BEARER = {"Authorization": "Bearer local-gateway"}


@asynccontextmanager
async def served(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(world.settings, world.ussd)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
    ):
        yield client


def over_http(world: World, talk: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with served(world) as client:
            await talk(client)

    asyncio.run(run())


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def form(text: str, **changed: str) -> dict[str, str]:
    return {
        "sessionId": "ATUid_1",
        "phoneNumber": "+254712345678",
        "networkCode": "63902",
        "serviceCode": "*789#",
        "text": text,
    } | changed


def test_a_hop_is_answered_as_plain_text_with_con_or_end(world: World) -> None:
    world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(URL, data=form(""))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.startswith("CON Jua Pesa\n1. Send money")
        answer = await client.post(URL, data=form("0"))
        assert answer.text.startswith("END ")

    over_http(world, talk)


@pytest.mark.parametrize("secret", ["wrong", "local-gateway ", "💸", "x" * 3000])
def test_another_secret_is_not_found(world: World, secret: str) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        for suffix in ("", "/ended"):
            answer = await client.post(f"/ussd/africastalking/{secret}{suffix}", data=form(""))
            assert answer.status_code == 404
        assert (
            await client.post(JSON_URL, json={}, headers={"Authorization": "Bearer x"})
        ).status_code == 401
        assert (await client.post(JSON_URL, json={})).status_code == 401

    over_http(world, talk)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "END The form lacks sessionId."),
        (b"sessionId=a", 400, "END The form lacks phoneNumber."),
        (b"sessionId=&phoneNumber=%2B254712345678", 400, "END The form lacks sessionId."),
        (b"&".join(b"a%d=1" % n for n in range(50)), 400, "END The form has too many fields."),
        (b"\xff\xfe\x00garbage", 400, "END The form lacks sessionId."),
        (b"sessionId=" + b"a" * 300 + b"&phoneNumber=1", 400, "END sessionId is too long."),
        (b"x" * 70_000, 413, "END The request is too long. Dial again."),
        (b'{"sessionId": "a"}', 400, "END The form lacks sessionId."),
    ],
)
def test_a_malformed_form_gets_a_clear_answer(world: World, body: bytes, status: int, says: str) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(URL, content=body)
        assert (answer.status_code, answer.text) == (status, says)

    over_http(world, talk)


@pytest.mark.parametrize("number", ["+15551234567", "nobody", "+254", "💸", "0712345678", "\x00"])
def test_a_number_that_we_do_not_serve_is_told_so(world: World, number: str) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(URL, data=form("", phoneNumber=number))
        assert answer.status_code in {200, 400}
        assert answer.text.startswith("END ")
        assert "Kenya and Nigeria" in answer.text or "lacks phoneNumber" in answer.text

    over_http(world, talk)


def test_a_plus_that_was_not_escaped_is_understood(world: World) -> None:
    world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(URL, content=b"sessionId=a&phoneNumber=+254712345678&text=")
        assert "1. Send money" in answer.text

    over_http(world, talk)


def test_ten_thousand_characters_are_refused_and_the_person_stays(world: World) -> None:
    world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        await client.post(URL, data=form(""))
        long = "9" * 10_000
        answer = await client.post(URL, data=form(long))
        assert answer.text.startswith("CON Choose a number below.")
        answer = await client.post(URL, data=form(f"{long}*1"))
        assert "Enter the amount in KES" in answer.text
        answer = await client.post(URL, data=form(f"{long}*1*💸"))
        assert "Enter the amount in digits" in answer.text

    over_http(world, talk)


def test_the_end_of_a_session_is_noted_and_nothing_else_of_it(world: World) -> None:
    phone = world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        await client.post(URL, data=form(""))
        notice = form("", status="Incomplete", cost="KES 0.10", input=f"1*500*{PIN}", lastAppResponse="x")
        answer = await client.post(f"{URL}/ended", data=notice)
        assert (answer.status_code, answer.text) == (200, "OK")
        assert (await client.post(f"{URL}/ended", data=notice | {"sessionId": "unheard"})).status_code == 200
        assert (await client.post(f"{URL}/ended", data=notice | {"status": "Odd"})).status_code == 400

    over_http(world, talk)
    with world.db.unit_of_work() as uow:
        row = uow.one("SELECT ended_as FROM ussd.sessions WHERE person_id = %s AND open", (phone.person_id,))
    assert row == {"ended_as": "incomplete"}


def test_the_json_gateway_walks_with_the_state_it_was_given(world: World) -> None:
    world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        async def post(typed: str, state: str | None) -> dict[str, Any]:
            body = {"sessionId": "s", "phone": "254712345678", "input": typed, "menuState": state}
            answer = await client.post(JSON_URL, json=body, headers=BEARER)
            assert answer.status_code == 200
            found: dict[str, Any] = answer.json()
            return found

        shown = await post("", None)
        assert shown["prompt"].startswith("Jua Pesa")
        assert shown["actions"][0] == {"input": "1", "label": "Send money"}
        assert shown["nextMenuState"] == "home.menu:1"
        for typed in ("1", "1000", "+2348031234567"):
            shown = await post(typed, shown["nextMenuState"])
        assert shown["actions"] == [{"input": "1", "label": "Confirm"}]
        shown = await post("1", shown["nextMenuState"])
        at_pin = shown["nextMenuState"]
        shown = await post(PIN, at_pin)
        assert shown["nextMenuState"] is None
        assert shown["actions"] == []
        assert await post(PIN, at_pin) == shown

    over_http(world, talk)
    assert len(world.payments.payments) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'"x"',
        b"{}",
        b'{"sessionId": "s"}',
        b'{"sessionId": {}, "phone": "+254712345678"}',
        b'{"sessionId": "s", "phone": "+254712345678", "input": ["1"]}',
        b'{"sessionId": "s", "phone": "+254712345678", "input": 1e400}',
        b"[" * 50_000,
        b'{"sessionId": "' + b"s" * 300 + b'", "phone": "+254712345678"}',
    ],
)
def test_malformed_json_is_a_problem(world: World, body: bytes) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(JSON_URL, content=body, headers=BEARER)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:juapesa:problem:malformed-request"
        assert answer.json()["title"] == "Malformed request"

    over_http(world, talk)


def test_what_the_http_side_refuses_is_a_problem_in_the_same_form(world: World) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        strange = {"Authorization": "Bearer another"}
        tried = [
            (await client.get("/nowhere"), 404, "not-found"),
            (await client.get(JSON_URL), 405, "method-not-allowed"),
            (await client.post(JSON_URL, content=b"{}", headers=strange), 401, "not-authenticated"),
            (await client.post(JSON_URL, content=b"x" * 70_000, headers=BEARER), 413, "body-too-large"),
        ]
        for answer, status, slug in tried:
            assert answer.headers["content-type"] == "application/problem+json"
            told = answer.json()
            assert (answer.status_code, told["status"]) == (status, status)
            assert told["type"] == f"urn:juapesa:problem:{slug}"
        assert tried[1][0].headers["allow"] == "POST"
        assert tried[2][0].headers["www-authenticate"].startswith("Bearer")

    over_http(world, talk)


def test_half_an_emoji_in_json_is_survived(world: World) -> None:
    world.customer()

    async def talk(client: httpx.AsyncClient) -> None:
        body = b'{"sessionId": "\\ud83d", "phone": "+254712345678", "input": "\\ud83d"}'
        answer = await client.post(JSON_URL, content=body, headers=BEARER)
        assert answer.status_code == 200
        assert answer.json()["prompt"].startswith("Jua Pesa")

    over_http(world, talk)


def test_a_database_that_is_away_is_told_on_the_handset(world: World) -> None:
    world.db.close()

    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post(URL, data=form(""))
        assert answer.status_code == 200
        assert answer.text.startswith("END We could not answer in time. Dial *789# again")

    over_http(world, talk)


def test_no_log_names_number_pin_or_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.customer()
    caplog.set_level(logging.DEBUG, logger="juapesa")
    caplog.set_level(logging.DEBUG, logger="psycopg")

    async def talk(client: httpx.AsyncClient) -> None:
        for text in ("", "4", "4*1", f"4*1*{PIN}"):
            await client.post(URL, data=form(text))

    over_http(world, talk)
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert PIN not in ours
    assert "254712345678" not in ours
    assert "local-gateway" not in ours
