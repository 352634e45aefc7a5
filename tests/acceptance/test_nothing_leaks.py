"""After real payments and mistakes, no log and no table tells who paid, with which PIN, or our secrets."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from juapesa.crypto import Keystore
from juapesa.db import EmbeddedPostgres
from juapesa.demo.handset import Handset
from juapesa.demo.stories import Teller, Told, order, send_answers
from support.house import House

PIN, WRONG_PIN = "9274", "6183"
GATEWAY_SECRET = b"local-gateway"
CALLBACK_ADDRESS = re.compile(rb"/callbacks/[\w-]+/[\w-]+/[\w.~-]+/[0-9a-f]{32}")


@pytest.fixture(scope="module")
def numbers(house: House) -> list[str]:
    """The two numbers of a finished send, the sender having mistyped once."""

    async def scene(teller: Teller) -> list[str]:
        phone, to = teller.phone("KE"), teller.phone("NG")
        phone.pin = PIN
        await mistype(phone)
        code = await order(phone, "Send", send_answers(phone, "600", to.number))
        receipt = await teller.follow(code, Told("a send"))
        assert receipt["status"] == "completed"
        return [phone.number, to.number]

    return house.play(scene, first_phone=800)


async def mistype(phone: Handset) -> None:
    await phone.home()  # the session in which a PIN was chosen asks for no other
    await phone.home()
    await phone.choose("My account")
    await phone.choose("Balance")
    await phone.answer(WRONG_PIN)
    phone.expect("Tries left")


def traces(numbers: list[str]) -> list[re.Pattern[bytes]]:
    """What must not be found: numbers in any of their spellings, PINs standing alone, addresses."""
    local = [number[4:].encode() for number in numbers]  # without + and country code
    pins = [rb"(?<![0-9A-Za-z.-])" + pin.encode() + rb"(?![0-9A-Za-z.])" for pin in (PIN, WRONG_PIN)]
    return [*map(re.compile, [*local, *pins]), re.compile(GATEWAY_SECRET), CALLBACK_ADDRESS]


def columns(house: House) -> Iterator[tuple[str, bytes]]:
    """Every value of every table but numbers, booleans and times, with the name of its column."""
    with psycopg.connect(EmbeddedPostgres(house.data_dir).url()) as connection:
        connection.read_only = True
        found = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND data_type IN"
            " ('text', 'character varying', 'character', 'json', 'jsonb', 'bytea', 'ARRAY')"
        ).fetchall()
        for schema, table, column in found:
            query = sql.SQL("SELECT {c} FROM {t} WHERE {c} IS NOT NULL")
            rows = connection.execute(query.format(c=sql.Identifier(column), t=sql.Identifier(schema, table)))
            for (value,) in rows:
                yield f"{schema}.{table}.{column}", value if isinstance(value, bytes) else str(value).encode()


def test_no_log_tells_a_number_a_pin_or_an_address(house: House, numbers: list[str]) -> None:
    logs = [file for file in (house.data_dir / "logs").rglob("*") if file.is_file()]
    assert len(logs) > 8
    found = [
        (file.name, line[:200])
        for file in logs
        for line in file.read_bytes().splitlines()
        for trace in traces(numbers)
        if trace.search(line)
    ]
    assert found == []


def test_no_column_tells_a_number_a_pin_or_an_address(house: House, numbers: list[str]) -> None:
    seen, found = 0, set()
    for name, value in columns(house):
        seen += 1
        found |= {(name, trace.pattern) for trace in traces(numbers) if trace.search(value)}
    assert seen > 100, "the tables are not empty"
    assert found == set()


def test_no_secret_of_the_keystore_is_written_anywhere_else(house: House, numbers: list[str]) -> None:
    assert numbers
    passphrase = (house.data_dir / "keys" / "passphrase").read_text().strip()
    keystore = Keystore(house.data_dir / "keys", passphrase)
    names = ("seal", "index", "pin", "receipt", "hop", "callback")
    secrets = [
        form for name in names for form in (keystore.secret(name), keystore.secret(name).hex().encode())
    ]
    logs = b"".join(file.read_bytes() for file in (house.data_dir / "logs").rglob("*") if file.is_file())
    for each in [*secrets, passphrase.encode()]:
        assert each not in logs
        assert not [name for name, value in columns(house) if each in value]
