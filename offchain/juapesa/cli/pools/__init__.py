"""Look at the pools, and provide liquidity to them."""

import typer

from juapesa.cli.pools.look import list_pools, position, quote, show
from juapesa.cli.pools.provide import claim_fees, deposit, deposit_one_side, withdraw

app = typer.Typer(help="Look at the pools, and provide liquidity to them.", no_args_is_help=True)

app.command(name="list")(list_pools)
app.command()(show)
app.command()(position)
app.command()(quote)
app.command()(deposit)
app.command()(deposit_one_side)
app.command()(withdraw)
app.command()(claim_fees)
