"""The sandboxed price publishers: one market, three views of it, each with its own key and faults."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from juapesa.clock import SystemClock
from juapesa.sandbox import oracle
from juapesa.sandbox.prices import BASES, OWN_PPM, SWING_PPM, mid_at, seen_by
from juapesa.sandbox.store import Store
from support.sandboxes import Control, served, settings

KEYS = [bytes([0x11 * number]) * 32 for number in (1, 2, 3)]
TOKENS = {
    "cKES": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "cNGN": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
}
TYPES = {
    "Price": [
        {"name": "token", "type": "address"},
        {"name": "midE18", "type": "uint128"},
        {"name": "observedAt", "type": "uint64"},
    ]
}


@contextmanager
def market(deployment: Path, state: Path | None = None) -> Iterator[tuple[Control, list[Control]]]:
    """The market's control port and the publishers' own."""

    def make() -> Any:
        return oracle.build(settings(), Store(state), SystemClock(), deployment, KEYS)

    with served(make) as url:
        yield Control(url), [Control(f"{url}/{number}") for number in (1, 2, 3)]


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    file = tmp_path / "hedera-local.json"
    content = {"tokens": {name: {"address": each, "decimals": 6} for name, each in TOKENS.items()}}
    file.write_text(json.dumps(content))
    return file


def asked(publisher: Control) -> httpx.Response:
    return publisher.web.get(f"{publisher.url}/v1/prices")


def prices(publisher: Control) -> dict[str, dict[str, Any]]:
    reply = asked(publisher)
    assert reply.status_code == 200, reply.text
    return {each["symbol"]: each for each in reply.json()["prices"]}


def mid(publisher: Control, symbol: str = "cKES") -> int:
    return int(prices(publisher)[symbol]["midE18"])


def signer_of(token: str, price: dict[str, Any]) -> str:
    domain = {"name": "Jua Pesa Price", "version": "1", "chainId": 298}
    value = {"token": token, "midE18": int(price["midE18"]), "observedAt": price["observedAt"]}
    message = encode_typed_data(domain, TYPES, value)
    return str(Account.recover_message(message, signature=price["signature"]))


def test_prices_appear_with_the_deployment_each_signed_by_its_publisher(tmp_path: Path) -> None:
    file = tmp_path / "hedera-local.json"
    with market(file) as (_, publishers):
        assert [asked(each).status_code for each in publishers] == [503] * 3
        file.write_text("{half")
        assert asked(publishers[0]).status_code == 503
        content = {"tokens": {name: {"address": each, "decimals": 6} for name, each in TOKENS.items()}}
        file.write_text(json.dumps(content))
        for key, publisher in zip(KEYS, publishers, strict=True):
            shown = prices(publisher)
            assert asked(publisher).json()["publisher"] == Account.from_key(key).address
            for symbol, token in TOKENS.items():
                assert signer_of(token, shown[symbol]) == Account.from_key(key).address
                most = BASES[symbol] * (SWING_PPM + 2 * OWN_PPM) // 10**6
                assert abs(int(shown[symbol]["midE18"]) - BASES[symbol]) <= most
                assert abs(shown[symbol]["observedAt"] - time.time()) < 2
            assert "USDC" not in shown


def test_publishers_differ_a_little_and_look_at_one_market(deployed: Path) -> None:
    with market(deployed) as (control, publishers):
        url = f"{control.url}/_sandbox/prices/cKES"
        assert control.web.put(url, json={"midE18": "7700000000000000"}).json()["fixed"] is True
        seen = [mid(each) for each in publishers]
        assert len(set(seen)) == 3
        assert all(abs(each - 7_700_000_000_000_000) <= 7_700_000_000 * OWN_PPM for each in seen)
        assert control.web.delete(url).json()["fixed"] is False
        for bad in ("0", "-1", "1.5", 7, None, str(2**128)):
            assert control.web.put(url, json={"midE18": bad}).status_code == 422
        assert control.web.get(f"{control.url}/_sandbox/prices/BTC").status_code == 404


def test_one_publisher_can_disagree_for_good(deployed: Path, tmp_path: Path) -> None:
    state = tmp_path / "world.sqlite"
    with market(deployed, state) as (_, publishers):
        liar = publishers[1]
        url = f"{liar.url}/_sandbox/prices/cKES"
        assert liar.web.put(url, json={"midE18": "9900000000000000"}).status_code == 200
    with market(deployed, state) as (_, publishers):
        assert mid(publishers[1]) == 9_900_000_000_000_000
        assert mid(publishers[0]) < 7_800_000_000_000_000
        assert mid(publishers[2]) < 7_800_000_000_000_000


def test_each_publisher_has_faults_of_its_own(deployed: Path) -> None:
    with market(deployed) as (_, publishers):
        bad, good = publishers[0], publishers[1]
        usual, name = mid(bad), Account.from_key(KEYS[0]).address
        bad.fault("price", "late", count=1, seconds=500)
        assert prices(bad)["cKES"]["observedAt"] < time.time() - 400
        bad.fault("price", "forge", count=1)
        assert signer_of(TOKENS["cKES"], prices(bad)["cKES"]) != name
        bad.fault("price", "jump", count=1)
        assert mid(bad) > usual * 119 // 100
        bad.fault("price", "jump", count=1, code="-300000")
        assert mid(bad) < usual * 71 // 100
        bad.fault("price", "wrong-symbol", count=1)
        crossed = prices(bad)
        assert signer_of(TOKENS["cNGN"], crossed["cKES"]) == name
        assert signer_of(TOKENS["cKES"], crossed["cKES"]) != name
        bad.fault("price", "timeout-after-accept", count=1, seconds=0.1)
        assert asked(bad).status_code == 504
        bad.fault("price", "outage")
        assert asked(bad).status_code == 503
        assert asked(good).status_code == 200


def test_rates_wander_within_bounds_and_by_small_steps() -> None:
    for symbol, base in BASES.items():
        walk = [mid_at(symbol, base, minute * 60) for minute in range(5_000)]
        assert walk == [mid_at(symbol, base, minute * 60 + 59) for minute in range(5_000)]
        assert all(abs(each - base) <= base * SWING_PPM // 10**6 + 1 for each in walk)
        assert max(abs(a - b) for a, b in itertools.pairwise(walk)) <= base * 400 // 10**6 + 1
        assert len(set(walk)) > 1_000


def test_views_of_the_market_stay_near_it() -> None:
    for minute in range(1_000):
        views = [seen_by(number, "cKES", 10**16, minute * 60) for number in (1, 2, 3)]
        assert all(abs(each - 10**16) <= 10**10 * OWN_PPM + 1 for each in views)
