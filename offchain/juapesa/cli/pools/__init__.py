"""Look at the pools, provide liquidity to them, and play their economics through."""

import typer

from juapesa.cli.pools.look import list_pools, position, quote, show
from juapesa.cli.pools.provide import claim_fees, deposit, deposit_one_side, withdraw
from juapesa.cli.pools.simulate import simulate

app = typer.Typer(
    help="Look at the pools, and provide liquidity to them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command(name="list")(list_pools)
app.command()(show)
app.command()(position)
app.command()(quote)
app.command()(deposit)
app.command()(deposit_one_side)
app.command()(withdraw)
app.command()(claim_fees)
app.command()(simulate)
