"""The model of the pools gives the contract's own answers, unit for unit, in states drawn at random.

States are written over the contract's storage for the length of one call, so that reserves, spreads,
ages and halts no deployment would show are compared too.
"""

import random
from typing import Any

import pytest

from juapesa.chain import abi
from juapesa.crypto import keccak256
from juapesa.money import CKES, USDC
from juapesa.pools.model import PoolState, Refused, least_in_for_out, quote_exact_in
from support.evm import Chain

pytestmark = pytest.mark.needs_evm

SEED = 20261121
STATES = 300
PRICES_SLOT, POOLS_SLOT = 1, 2  # after AccessControl's roles
QUOTE = abi.Function("quoteExactIn", ("address", "address", "uint64"), ("uint64",))


def test_quotes_of_the_model_and_the_contract_are_the_same(chain: Chain) -> None:
    draw = random.Random(SEED)
    now = chain.node.now()
    paid = 0
    for number in range(STATES):
        state, amount, sell = drawn(draw, now)
        said = modelled(state, amount, sell, now)
        assert asked(chain, state, amount, sell) == said, (SEED, number, state, amount, sell)
        paid += isinstance(said, int)
    assert paid > STATES // 4, "too few draws were trades that can be"


def test_the_inverse_is_the_least_that_pays_by_the_contracts_own_word(chain: Chain) -> None:
    draw = random.Random(SEED + 1)
    now = chain.node.now()
    compared = 0
    for number in range(STATES):
        state, amount, sell = drawn(draw, now)
        wanted = modelled(state, amount, sell, now)
        if not isinstance(wanted, int):
            continue
        least = least_in_for_out(state, wanted, sell=sell, now=now)
        assert asked(chain, state, least, sell) >= wanted, (SEED, number)
        if least > 1:
            below = asked(chain, state, least - 1, sell)
            assert not isinstance(below, int) or below < wanted, (SEED, number)
        compared += 1
    assert compared > STATES // 4


def drawn(draw: random.Random, now: int) -> tuple[PoolState, int, bool]:
    """A state over every magnitude, an amount that mostly fits it, a direction."""
    state = PoolState(
        mid_e18=draw.choice(
            [draw.randrange(1, 10**24), 10 ** draw.randrange(0, 25), draw.randrange(10**15, 10**17)]
        ),
        observed_at=now - draw.choice([0, 0, 0, 59, 60, 61, -10]),
        reserve_token=draw.randrange(2 ** draw.randrange(1, 64)),
        reserve_usdc=draw.randrange(2 ** draw.randrange(1, 64)),
        spread_ppm=draw.choice([0, 1, 2_500, draw.randrange(50_001)]),
        max_share_ppm=draw.choice([1_000_000, 250_000, draw.randrange(1_000_001)]),
        max_age_seconds=60,
        sells_paused=draw.random() < 0.05,
        buys_paused=draw.random() < 0.05,
    )
    sell = draw.random() < 0.5
    out = state.reserve_usdc if sell else state.reserve_token
    about = out * 10**18 // state.mid_e18 if sell else out * state.mid_e18 // 10**18
    fitting = draw.randrange(min(max(about * state.max_share_ppm // 10**6, 2), 2**64 - 1))
    amount = draw.choice([fitting, fitting, fitting, draw.randrange(2 ** draw.randrange(1, 65)), 0, 1, 2**63])
    return state, amount, sell


def modelled(state: PoolState, amount: int, sell: bool, now: int) -> int | str:
    try:
        return quote_exact_in(state, amount, sell=sell, now=now)
    except Refused as refused:
        return refused.why


def asked(chain: Chain, state: PoolState, amount: int, sell: bool) -> Any:
    """The contract's quote in that state, or the name of its error."""
    deployment = chain.deployment
    token, usdc = deployment.tokens[CKES], deployment.tokens[USDC]
    pair = (token, usdc) if sell else (usdc, token)
    call = {"to": deployment.pools, "data": "0x" + QUOTE.call(*pair, amount).hex()}
    override = {deployment.pools: {"stateDiff": stored(token, state)}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest", override]}
    answer = chain.node.http.post(chain.node.url, json=body).json()
    if "result" in answer:
        return QUOTE.result(bytes.fromhex(answer["result"][2:]))[0]
    return abi.error_name(bytes.fromhex(answer["error"]["data"][2:]))


def stored(token: str, state: PoolState) -> dict[str, str]:
    """The two storage words of a pool, packed as SpotPools.sol and SignedPrices.sol declare them."""
    pool = packed(
        (state.reserve_token, 64),
        (state.reserve_usdc, 64),
        (state.spread_ppm, 32),
        (state.max_share_ppm, 32),
        (state.max_age_seconds, 32),
        (1, 8),
        (int(state.sells_paused), 8),
        (int(state.buys_paused), 8),
    )
    price = packed((state.mid_e18, 128), (state.observed_at, 64), (0, 32), (20_000, 32))
    return {slot(token, POOLS_SLOT): pool, slot(token, PRICES_SLOT): price}


def packed(*parts: tuple[int, int]) -> str:
    word, shift = 0, 0
    for value, bits in parts:
        word |= value << shift
        shift += bits
    return "0x" + word.to_bytes(32, "big").hex()


def slot(key: str, mapping: int) -> str:
    return "0x" + keccak256(bytes(12) + bytes.fromhex(key[2:]) + mapping.to_bytes(32, "big")).hex()
