"""The model of the pools gives the contract's own answers, unit for unit, in states drawn at random.

States are written over the contract's storage for the length of one call, so that reserves, spreads,
ages, levels and halts no deployment would show are compared too.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from juapesa.chain import abi
from juapesa.pools import exact_model as model
from juapesa.pools.exact_model import Levels, Pool, Price, Refused, Reserves, Settings
from support.evm import running_anvil
from support.pools_chain import PoolsChain, deploy_pools, storage_slot

pytestmark = pytest.mark.needs_evm

STATES = 300
PRICES_SLOT, POOLS_SLOT = 1, 3  # after AccessManaged's word
ARGUMENTS = ("address", "address", "uint64")
EXACT_IN = abi.Function("quoteExactIn", ARGUMENTS, ("uint64", "uint8"))
EXACT_OUT = abi.Function("quoteExactOut", ARGUMENTS, ("uint64", "uint8"))


@pytest.fixture(scope="module")
def pools() -> Iterator[PoolsChain]:
    with running_anvil() as node:
        yield deploy_pools(node)


def ppm(most: int, usual: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(usual), st.integers(0, most))


any_settings = st.builds(
    Settings,
    spread_ppm=ppm(50_000, 800),
    age_ppm_per_minute=ppm(65_535, 100),
    fresh_seconds=ppm(65_535, 60),
    max_age_seconds=ppm(86_400, 900),
    max_doubt_ppm=ppm(100_000, 20_000),
    skew_ppm=ppm(500_000, 20_000),
    heal_ppm=ppm(1_000_000, 900_000),
    target_ppm=st.one_of(st.just(500_000), st.integers(100_000, 900_000)),
    hour_ppm=ppm(1_000_000, 1_000_000),
    day_ppm=ppm(1_000_000, 1_000_000),
    buffer_ppm=st.just(0),
    open=st.integers(0, 19).map(bool),
    sells_paused=st.integers(0, 19).map(lambda draw: draw == 0),
    buys_paused=st.integers(0, 19).map(lambda draw: draw == 0),
)
magnitudes = st.integers(0, 63).flatmap(lambda bits: st.integers(0, 2**bits - 1))
mids = st.one_of(st.integers(1, 10**24), st.integers(0, 24).map(lambda n: 10**n), st.just(4 * 10**21))
ages = st.one_of(st.integers(0, 60), st.integers(0, 100_000))


@st.composite
def states(draw: st.DrawFn, now: int = 1_800_000_000) -> tuple[Settings, Price, Reserves, Levels]:
    """Any state; mostly one whose two sides are of like worth."""
    mid = draw(mids)
    token = draw(magnitudes)
    likely = min(token * mid // 10**18 * draw(st.integers(1, 300)) // 100, 2**63 - 1)
    usdc = draw(st.one_of(st.just(likely), magnitudes))
    pot = draw(st.one_of(st.just(0), st.integers(0, usdc // 50), magnitudes))
    price = Price(mid, draw(st.one_of(st.just(0), st.integers(0, 150_000))), now - draw(ages))
    level = st.one_of(st.just(0), st.integers(0, min(usdc, 2**48 - 1)))
    levels = Levels(draw(level), draw(level), draw(level), draw(level), now - draw(ages))
    return draw(any_settings), price, Reserves(token, usdc, pot, draw(magnitudes)), levels


NOW = 1_800_000_000


@settings(max_examples=STATES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(state=states(), share=st.integers(0, 1_500_000), raw=magnitudes, way=st.integers(0, 3))
def test_quotes_of_the_model_and_the_contract_are_the_same(
    pools: PoolsChain, state: Any, share: int, raw: int, way: int
) -> None:
    pool = model.pool_at(NOW, *state)
    sell, exact_in = bool(way & 1), bool(way & 2)
    out_side = pool.reserves.usdc if sell else pool.reserves.token
    in_side = pool.reserves.token if sell else pool.reserves.usdc
    amount = min((in_side if exact_in else out_side) * share // 10**6, 2**64 - 1) if share else raw
    assert asked(pools, state, amount, sell, exact_in) == modelled(pool, amount, sell, exact_in)


def modelled(pool: Pool, amount: int, sell: bool, exact_in: bool) -> tuple[int, int]:
    trade = {
        (True, True): model.sell_exact_in,
        (False, True): model.buy_exact_in,
        (True, False): model.sell_exact_out,
        (False, False): model.buy_exact_out,
    }[sell, exact_in]
    try:
        fill = trade(pool, amount)
    except Refused as refused:
        return 0, int(refused.why)
    return (fill.amount_out if exact_in else fill.amount_in), 0


def asked(pools: PoolsChain, state: Any, amount: int, sell: bool, exact_in: bool) -> tuple[int, int]:
    """The contract's quote in that state."""
    token, usdc = pools.tokens["cKES"], pools.tokens["USDC"]
    pair = (token, usdc) if sell else (usdc, token)
    function = EXACT_IN if exact_in else EXACT_OUT
    call = {"to": pools.pools, "data": "0x" + function.call(*pair, amount).hex()}
    answer = pools.node.ask(
        "eth_call", call, "latest", {pools.pools: {"stateDiff": stored(token, *state)}}, {"time": hex(NOW)}
    )
    out, refusal = function.result(bytes.fromhex(answer[2:]))
    return out, refusal


def stored(
    token: str, settings: Settings, price: Price, reserves: Reserves, levels: Levels
) -> dict[str, str]:
    """The four storage words of a pool, packed as the contracts declare them."""
    flags = settings.open | settings.sells_paused << 1 | settings.buys_paused << 2
    return {
        storage_slot(token, PRICES_SLOT): packed(
            (price.mid_e18, 80), (price.doubt_ppm, 24), (price.observed_at, 40), (0, 40), (20_000, 24), (3, 8)
        ),
        storage_slot(token, POOLS_SLOT): packed(
            (reserves.token, 64), (reserves.usdc, 64), (reserves.pot_usdc, 64), (reserves.fees_usdc, 64)
        ),
        storage_slot(token, POOLS_SLOT, 1): packed(
            (flags, 8),
            (settings.spread_ppm, 16),
            (settings.age_ppm_per_minute, 16),
            (settings.fresh_seconds, 16),
            (settings.max_age_seconds, 24),
            (settings.max_doubt_ppm, 24),
            (settings.skew_ppm, 24),
            (settings.heal_ppm, 24),
            (settings.target_ppm, 24),
            (settings.hour_ppm, 24),
            (settings.day_ppm, 24),
            (settings.buffer_ppm, 24),
        ),
        storage_slot(token, POOLS_SLOT, 2): packed(
            (levels.sell_hour, 48),
            (levels.sell_day, 48),
            (levels.buy_hour, 48),
            (levels.buy_day, 48),
            (levels.touched_at, 40),
        ),
    }


def packed(*parts: tuple[int, int]) -> str:
    word, shift = 0, 0
    for value, bits in parts:
        assert value >> bits == 0
        word |= value << shift
        shift += bits
    return "0x" + word.to_bytes(32, "big").hex()
