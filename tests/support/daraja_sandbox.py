"""Daraja's sandbox with a shop behind it, for every test of its wire format."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.sandboxes import Daraja, Receiver, daraja, receiver

STATUS = "/mpesa/transactionstatus/v1/query"
BALANCE = "/mpesa/accountbalance/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"


@pytest.fixture(scope="module")
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def mpesa() -> Iterator[Daraja]:
    with daraja() as client:
        yield client


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    return {
        each["Key"]: each.get("Value") for each in result["Result"]["ResultParameters"]["ResultParameter"]
    }


def error(reply: httpx.Response, status: int, code: str) -> str:
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) == {"requestId", "errorCode", "errorMessage"}
    assert body["errorCode"] == code
    return str(body["errorMessage"])
