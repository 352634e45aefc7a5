"""Commands that only look: `jua pools list`, `show`, `position`, `quote`."""

import json
from typing import Annotated, Any

import typer

from juapesa.cli.pools.common import (
    AsJson,
    Chain,
    TokenArgument,
    address,
    any_token,
    on_chain,
    pool_token,
    positive,
)
from juapesa.cli.pools.told import (
    pool_json,
    pool_lines,
    position_json,
    position_lines,
    quote_json,
    settings_lines,
)
from juapesa.money import Currency, Money
from juapesa.pools import routes
from juapesa.pools.errors import refusal
from juapesa.pools.exact_model import Pool, Refused
from juapesa.pools.liquidity import PoolView, view_positions
from juapesa.pools.price_model import updated
from juapesa.pools.routes import Quoted
from juapesa.pools.watch import agreed_on


def list_pools(*, as_json: AsJson = False) -> None:
    """Every pool: price, spread, reserves, pot, room in the limits."""
    views = on_chain(lambda chain: chain.views())
    if as_json:
        _print({"pools": [pool_json(view) for view in views]})
        return
    typer.echo("\n\n".join("\n".join(pool_lines(view)) for view in views))


def show(token: TokenArgument, *, as_json: AsJson = False) -> None:
    """One pool: price, spread, balance, reserves, pot, limits, halts, share price, settings, terms."""

    async def look(chain: Chain) -> PoolView:
        return await chain.view(pool_token(token, chain.deployment))

    view = on_chain(look)
    if as_json:
        _print(pool_json(view))
        return
    typer.echo("\n".join([*pool_lines(view), *settings_lines(view)]))


def position(
    owner: Annotated[str, typer.Argument(metavar="ADDRESS", help="The provider's account.")],
    *,
    as_json: AsJson = False,
) -> None:
    """An account's positions in every pool: shares, what they hold, fees, terms."""
    owner = address(owner)

    async def look(chain: Chain) -> list[dict[str, Any]]:
        found = []
        for view in await chain.views():
            held = await view_positions(chain.rpc, chain.deployment, view, owner)
            found += [position_json(each, view.pool()) for each in held]
        return found

    found = on_chain(look)
    if as_json:
        _print({"address": owner, "positions": found})
        return
    lines = [line for each in found for line in position_lines(each)]
    typer.echo("\n".join(lines or ["This account provides no liquidity here."]))


def quote(
    amount: Annotated[str, typer.Argument(help="How much is given, or got with --exact-out.")],
    give: Annotated[str, typer.Argument(metavar="FROM", help="What is given: cKES, cNGN, XAUt, USDC.")],
    get: Annotated[str, typer.Argument(metavar="TO", help="What is got.")],
    *,
    exact_out: Annotated[bool, typer.Option("--exact-out", help="AMOUNT is what is got.")] = False,
    as_json: AsJson = False,
) -> None:
    """What a trade would pay or cost now, at the publishers' newest prices where they answer."""

    async def look(chain: Chain) -> tuple[Quoted, bool]:
        units = any_token(give, chain.deployment), any_token(get, chain.deployment)
        pools, newest = await _priced(chain)
        wanted = positive(amount, units[1] if exact_out else units[0])
        return _quoted(pools, wanted, *units, exact_out=exact_out), newest

    found, newest = on_chain(look)
    said = quote_json(found, newest=newest)
    if as_json:
        _print(said)
        return
    typer.echo(f"{found.give} -> {found.get}, {said['cost_ppm'] / 10_000:.4f} % below the mid price")
    typer.echo("at the publishers' newest prices" if newest else "at the prices kept on chain")


def _quoted(
    pools: dict[Currency, Pool], wanted: Money, give: Currency, get: Currency, *, exact_out: bool
) -> Quoted:
    try:
        if exact_out:
            return routes.exact_out(pools.__getitem__, wanted, give)
        return routes.exact_in(pools.__getitem__, wanted, get)
    except Refused as refused:
        raise refusal(refused.why) from None


async def _priced(chain: Chain) -> tuple[dict[Currency, Pool], bool]:
    """Every pool as it trades once the publishers' prices are there, and whether they said any."""
    views, prices = await chain.views(), await chain.newest_prices()
    pools = {}
    for view in views:
        price = updated(view.state.kept, agreed_on(view.token, prices), view.block.at)
        pools[view.token] = view.pool(price)
    return pools, bool(prices)


def _print(body: dict[str, Any]) -> None:
    typer.echo(json.dumps(body))
