"""Provide liquidity with an account of ape's: ``ape run liquidity deposit cKES 130000 1000 --account me``.

For providers who keep their key in ape (``ape accounts``, hardware wallets through its plugins); the same
plans as `jua pools`, which needs neither. Run it with ``PYTHONPATH=offchain``. ``--network`` names the
node (``ethereum:hedera-local:http://127.0.0.1:8545``), ``JUA_DEPLOYMENTS_DIR`` the folder of the
deployment records (default ``deployments/chains``), ``JUA_CHAIN__PRICE_URLS`` the publishers.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import httpx
from ape import networks
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from juapesa import config
from juapesa.chain import Deployment, Rpc, load_deployment
from juapesa.chain.prices import Publishers
from juapesa.clock import SystemClock
from juapesa.errors import JuaError
from juapesa.money import USDC, Money, currency
from juapesa.pools.liquidity import newest_block, view_pool
from juapesa.pools.provider import Plan, Provider, share_text

MakePlan = Callable[[Provider], Awaitable[Plan]]

TERM = click.option(
    "--term", type=click.IntRange(0, 3), default=0, help="0: none, 1, 2, 3: 30, 90, 180 days."
)
SLIPPAGE = click.option("--slippage", type=click.IntRange(0, 500_000), default=5_000, help="Millionths.")


@click.group()
def cli() -> None:
    """Provide liquidity to a pool."""


@cli.command(cls=ConnectedProviderCommand)
@click.argument("token")
@click.argument("token_amount")
@click.argument("usdc_amount")
@TERM
@SLIPPAGE
@account_option()
def deposit(
    token: str, token_amount: str, usdc_amount: str, term: int, slippage: int, account: AccountAPI
) -> None:
    """Put in both sides, at most these amounts."""
    carry_out(
        token,
        slippage,
        account,
        lambda it: it.deposit(Money.parse(token_amount, it.token), Money.parse(usdc_amount, USDC), term),
    )


@cli.command(cls=ConnectedProviderCommand)
@click.argument("token")
@click.argument("amount")
@click.option("--usdc", is_flag=True, help="The amount is USDC.")
@TERM
@SLIPPAGE
@account_option()
def deposit_one_side(
    token: str, amount: str, *, usdc: bool, term: int, slippage: int, account: AccountAPI
) -> None:
    """Put in one side alone."""
    carry_out(
        token,
        slippage,
        account,
        lambda it: it.deposit_one_side(Money.parse(amount, USDC if usdc else it.token), term),
    )


@cli.command(cls=ConnectedProviderCommand)
@click.argument("token")
@click.argument("shares")
@TERM
@SLIPPAGE
@account_option()
def withdraw(token: str, shares: str, term: int, slippage: int, account: AccountAPI) -> None:
    """Take out shares' part of both sides; SHARES may be `all`."""
    out = None if shares == "all" else Money.parse(shares, USDC).minor  # six decimals, as USDC has
    carry_out(token, slippage, account, lambda it: it.withdraw(out, term))


@cli.command(cls=ConnectedProviderCommand)
@click.argument("token")
@TERM
@account_option()
def claim_fees(token: str, term: int, account: AccountAPI) -> None:
    """Take the fees that a position has earned."""
    carry_out(token, 0, account, lambda it: it.claim_fees(term))


def carry_out(token: str, slippage: int, account: AccountAPI, plan: MakePlan) -> None:
    """Show the plan; ape asks for the account's passphrase before it signs."""
    provider: Any = networks.provider
    folder = Path(os.environ.get("JUA_DEPLOYMENTS_DIR", "deployments/chains"))
    try:
        deployment = load_deployment(folder, provider.network.name)
        made = asyncio.run(planned(deployment, provider.http_uri, token, slippage, account.address, plan))
    except JuaError as problem:
        raise click.ClickException(problem.detail) from None
    click.echo(f"shares {share_text(made.shares)}")
    for name, amount in made.amounts.items():
        click.echo(f"{name.replace('_', ' ')} {amount}")
    for call in made.calls:
        receipt = account.transfer(call.to, 0, data=call.data, required_confirmations=0)
        click.echo(f"{call.what}: {receipt.txn_hash}")


async def planned(
    deployment: Deployment, url: str, token: str, slippage: int, owner: str, plan: MakePlan
) -> Plan:
    """The plan as of the newest block. Raises JuaError."""
    rpc, urls = Rpc(url), config.load().chain.price_urls
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            prices = await Publishers(http, urls, deployment, rpc, SystemClock()).newest()
            view = await view_pool(rpc, deployment, currency(token), await newest_block(rpc))
            return await plan(Provider(rpc, deployment, view, owner.lower(), slippage, tuple(prices)))
        finally:
            await rpc.close()
