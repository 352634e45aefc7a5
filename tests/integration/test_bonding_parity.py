"""The bonding model gives the contract's own answers, unit for unit, in states drawn at random.

States are written over the contract's storage for the length of one call, so that magnitudes, ratios and
full buckets no deployment would show are compared too. Hundreds of calls travel in one request.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain.abi import Function
from juapesa.crypto import keccak256
from juapesa.pools import bonding_model as model
from juapesa.pools.bonding_model import BondingState, Refused
from support.evm import Node, creation, running_anvil

pytestmark = pytest.mark.needs_evm

SEED = 20261121
STATES = 600
POOLS_SLOT = 1  # after AccessManaged's authority
TOKEN = "0x" + "70" * 20
QUESTIONS = {
    "buy": Function("quoteBuy", ("address", "uint64"), ("uint64",)),
    "sell": Function("quoteSell", ("address", "uint64"), ("uint64",)),
    "spot": Function("spotPriceE18", ("address",), ("uint256",)),
    "room": Function("exitRoom", ("address",), ("uint64",)),
}
ERRORS = {
    "0x" + keccak256(signature.encode())[:4].hex(): signature.split("(")[0]
    for signature in (
        "BadAmount(uint256)",
        "BuyingPaused(address)",
        "ExitTooLarge(uint64,uint64)",
        "ExitLimit(uint64,uint64)",
    )
}


@pytest.fixture(scope="module")
def node(forge_output: Path) -> Iterator[Node]:
    """A chain with nothing on it."""
    del forge_output
    with running_anvil() as node:
        yield node


@pytest.fixture(scope="module")
def pools(node: Node) -> str:
    """Bonding pools without a governance."""
    usdc = node.send(creation("TestUSDC"))["contractAddress"]
    arguments = ("address", "address"), (node.account(), usdc)
    return str(node.send(creation("BondingPools", *arguments))["contractAddress"])


def test_the_model_and_the_contract_give_the_same_answers(node: Node, pools: str) -> None:
    draw, now = random.Random(SEED), node.now()
    cases = [drawn(draw, now) for _ in range(STATES)]
    said = [modelled(*case, now) for case in cases]
    for number, (case, expected, answer) in enumerate(
        zip(cases, said, asked(node, pools, cases), strict=True)
    ):
        assert answer == expected, (SEED, number, case)
    for question in QUESTIONS:
        paid = [said for (_, asked, _), said in zip(cases, said, strict=True) if asked == question]
        assert sum(isinstance(each, int) for each in paid) > len(paid) // 3, f"too few answers to {question}"


def drawn(draw: random.Random, now: int) -> tuple[BondingState, str, int]:
    """A state over every magnitude, a question, an amount that mostly fits."""
    supply = model.LOCKED + draw.randrange(1, 2 ** draw.randrange(8, 63))
    reserve = draw.randrange(1, 2 ** draw.randrange(8, 63))
    seconds = draw.randrange(3_600, 604_801)
    bucket_ppm = draw.randrange(50_000, 500_001)
    state = BondingState(
        supply=min(supply, 2**63 - 1),
        reserve=reserve,
        trr_ppm=draw.choice([*model.EXACT_DEGREES, *(draw.randrange(100_000, 1_000_001) for _ in range(4))]),
        fee_ppm=draw.choice([0, 1, 2_000, 50_000, draw.randrange(50_001)]),
        exit_ppm=draw.choice([bucket_ppm, draw.randrange(10_000, bucket_ppm + 1)]),
        bucket_ppm=bucket_ppm,
        bucket_seconds=seconds,
        pot=draw.choice([0, draw.randrange(1 + reserve // 20)]),
        pot_at=draw.choice([now, now - 1]),
        bucket_level=draw.choice([0, draw.randrange(1 + reserve * seconds // 2)]),
        bucket_at=now - draw.randrange(2 * seconds),
        buying_paused=draw.random() < 0.05,
    )
    question = draw.choice(["buy", "buy", "sell", "sell", "spot", "room"])
    whole = reserve if question == "buy" else state.supply // draw.choice([2, 10, 30])
    fitting = draw.randrange(2 ** draw.randrange(1, max(2, whole.bit_length())))
    return state, question, draw.choice([fitting] * 9 + [draw.choice([0, 1, 2**63, 2**64 - 1])])


def modelled(state: BondingState, question: str, amount: int, now: int) -> int | str:
    """The model's answer, or the name of the contract's error."""
    try:
        match question:
            case "buy":
                return model.buy(state, amount, now=now).amount_out
            case "sell":
                return model.sell(state, amount, now=now).amount_out
            case "spot":
                return model.spot_price_e18_down(state, now=now)
        return model.exit_room(state, now=now)
    except Refused as refused:
        return refused.why


def asked(node: Node, pools: str, cases: list[tuple[BondingState, str, int]]) -> Iterator[int | str]:
    """The contract's answers in those states, or the names of its errors."""
    requests = []
    for number, (state, question, amount) in enumerate(cases):
        function = QUESTIONS[question]
        data = function.call(TOKEN, amount) if len(function.inputs) == 2 else function.call(TOKEN)
        call = {"to": pools, "data": "0x" + data.hex()}
        params = [call, "latest", {pools: {"stateDiff": stored(state)}}]
        requests.append({"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": params})
    answers: list[dict[str, Any]] = node.http.post(node.url, json=requests).json()
    for (_, question, _), answer in zip(cases, sorted(answers, key=lambda each: each["id"]), strict=True):
        if "result" in answer:
            yield QUESTIONS[question].result(bytes.fromhex(answer["result"][2:]))[0]
        else:
            yield ERRORS.get(answer["error"]["data"][:10], answer["error"]["data"])


def stored(state: BondingState) -> dict[str, str]:
    """The two storage words of a pool, packed as BondingPools.sol declares them."""
    curve = packed((state.supply, 64), (state.reserve, 64), (state.pot, 64), (state.pot_at, 64))
    terms = packed(
        (state.bucket_level, 88),
        (state.bucket_at, 40),
        (state.trr_ppm, 24),
        (state.fee_ppm, 24),
        (state.exit_ppm, 24),
        (state.bucket_ppm, 24),
        (state.bucket_seconds, 24),
        (int(state.buying_paused), 8),
    )
    first = int.from_bytes(keccak256(bytes(12) + bytes.fromhex(TOKEN[2:]) + POOLS_SLOT.to_bytes(32, "big")))
    return {f"0x{first:064x}": curve, f"0x{first + 1:064x}": terms}


def packed(*parts: tuple[int, int]) -> str:
    word, shift = 0, 0
    for value, bits in parts:
        word |= value << shift
        shift += bits
    return f"0x{word:064x}"
