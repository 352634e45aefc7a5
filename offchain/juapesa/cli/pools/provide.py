"""Commands that move a provider's money: deposit on both sides or one, withdraw, claim fees."""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from juapesa.chain.sending import Sender, TransactionRefused
from juapesa.cli.pools.common import AsJson, Chain, TokenArgument, address, on_chain, pool_token, positive
from juapesa.cli.pools.told import decimal
from juapesa.crypto import Signer
from juapesa.crypto.keyfile import keyfile_address, open_keyfile
from juapesa.errors import InvalidInput
from juapesa.money import USDC, Money
from juapesa.pools.provider import Plan, Provider, outcome, why_refused

PASSPHRASE = "JUA_LP_PASSPHRASE"  # noqa: S105 - the name of a variable

KeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="JUA_LP_KEYFILE", help=f"Your key as encrypted JSON; {PASSPHRASE} opens it, or you do."
    ),
]
Owner = Annotated[str | None, typer.Option(help="With --dry-run, instead of a key: your address.")]
Term = Annotated[int, typer.Option(min=0, max=3, help="0: none, 1: 30 days, 2: 90 days, 3: 180 days.")]
Slippage = Annotated[
    int, typer.Option(min=0, max=500_000, help="How much less than shown you take, in millionths.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True)
class Manner:
    """How a command is to be carried out."""

    keyfile: Path | None
    owner: str | None
    slippage_ppm: int
    dry_run: bool
    yes: bool
    as_json: bool

    def account(self) -> str:
        """Whose money it is. Raises InvalidInput, KeystoreUnavailable."""
        if self.as_json and not (self.yes or self.dry_run):
            raise InvalidInput("With --json nothing is asked: add --yes or --dry-run.")
        if self.owner is not None:
            if not self.dry_run:
                raise InvalidInput("An address alone moves nothing: --owner is for --dry-run.")
            return address(self.owner)
        if self.keyfile is None:
            raise InvalidInput("Say whose money it is: --keyfile FILE (or JUA_LP_KEYFILE).")
        return keyfile_address(self.keyfile)

    def signer(self, account: str) -> Signer:
        """The key, opened. Raises KeystoreUnavailable, InvalidInput."""
        assert self.keyfile is not None, "an account came from it"
        passphrase = os.environ.get(PASSPHRASE) or typer.prompt("Passphrase", hide_input=True, err=True)
        signer = open_keyfile(self.keyfile, passphrase)
        if signer.address.lower() != account:
            raise InvalidInput("The key file's address is not that of its key.")
        return signer


MakePlan = Callable[[Provider], Awaitable[Plan]]


def deposit(
    token: TokenArgument,
    token_amount: Annotated[str, typer.Argument(help="The most of the token to put in.")],
    usdc_amount: Annotated[str, typer.Argument(help="The most USDC to put in.")],
    *,
    term: Term = 0,
    keyfile: KeyFile = None,
    owner: Owner = None,
    slippage: Slippage = 5_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put in both sides, in the pool's own proportion, at most these amounts."""

    async def plan(it: Provider) -> Plan:
        return await it.deposit(positive(token_amount, it.token), positive(usdc_amount, USDC), term)

    _carry_out(token, plan, Manner(keyfile, owner, slippage, dry_run, yes, as_json))


def deposit_one_side(
    token: TokenArgument,
    amount: Annotated[str, typer.Argument(help="How much to put in.")],
    *,
    usdc: Annotated[bool, typer.Option("--usdc", help="The amount is USDC, not the token.")] = False,
    term: Term = 0,
    keyfile: KeyFile = None,
    owner: Owner = None,
    slippage: Slippage = 5_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put in one side alone: valued at the worse of the prices, and charged for what it unbalances."""

    async def plan(it: Provider) -> Plan:
        return await it.deposit_one_side(positive(amount, USDC if usdc else it.token), term)

    _carry_out(token, plan, Manner(keyfile, owner, slippage, dry_run, yes, as_json))


def withdraw(
    token: TokenArgument,
    shares: Annotated[str, typer.Argument(help="How many shares, or `all`.")],
    *,
    term: Term = 0,
    keyfile: KeyFile = None,
    owner: Owner = None,
    slippage: Slippage = 5_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take out shares' part of both sides. Always possible: it needs no price and cannot be halted."""

    async def plan(it: Provider) -> Plan:
        # A share has six decimals, as USDC has.
        return await it.withdraw(None if shares == "all" else positive(shares, USDC).minor, term)

    _carry_out(token, plan, Manner(keyfile, owner, slippage, dry_run, yes, as_json))


def claim_fees(
    token: TokenArgument,
    *,
    term: Term = 0,
    keyfile: KeyFile = None,
    owner: Owner = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take the fees that a position has earned."""
    _carry_out(token, lambda it: it.claim_fees(term), Manner(keyfile, owner, 0, dry_run, yes, as_json))


def _carry_out(token: str, plan: MakePlan, manner: Manner) -> None:
    """Show what would happen, ask, do it, and show what did."""
    account = manner.account()
    on_chain(lambda chain: _carried_out(chain, token, plan, manner, account))


async def _carried_out(chain: Chain, token: str, plan: MakePlan, manner: Manner, account: str) -> None:
    view = await chain.view(pool_token(token, chain.deployment))
    prices = await chain.newest_prices()
    made = await plan(Provider(chain.rpc, chain.deployment, view, account, manner.slippage_ppm, prices))
    if not manner.as_json:
        typer.echo("\n".join(_plan_lines(made)))
    if manner.dry_run:
        if manner.as_json:
            typer.echo(json.dumps({"dry_run": True, "plan": _plan_json(made)}))
        return
    if not manner.yes:
        typer.confirm("Do it?", abort=True, err=True)
    sender = Sender(chain.rpc, manner.signer(account), chain.deployment.chain_id)
    receipts = [await _sent(sender, each.to, each.data) for each in made.calls]
    done = _amounts(outcome(receipts[-1], chain.deployment, view.token))
    hashes = [str(each["transactionHash"]) for each in receipts]
    if manner.as_json:
        body = {"dry_run": False, "plan": _plan_json(made), "done": done, "transactions": hashes}
        typer.echo(json.dumps(body))
        return
    typer.echo("Done: " + ", ".join(f"{name} {value}" for name, value in done.items()))
    typer.echo("\n".join(hashes))


async def _sent(sender: Sender, to: str, data: bytes) -> dict[str, Any]:
    try:
        return await sender.send(to, data)
    except TransactionRefused as refused:
        raise why_refused(refused) from None


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "shares": decimal(plan.shares, 6),
        **_amounts(plan.amounts),
        "at_least": {name: decimal(units, 6) for name, units in plan.at_least.items()},
        "steps": [each.what for each in plan.calls],
    }


def _plan_lines(plan: Plan) -> list[str]:
    lines = [f"shares          {decimal(plan.shares, 6)}"] if plan.shares else []
    lines += [f"{name.replace('_', ' '):<15} {amount}" for name, amount in plan.amounts.items()]
    lines += [
        f"at least        {decimal(units, 6)} {name.replace('_', ' ')}"
        for name, units in plan.at_least.items()
    ]
    return [*lines, "steps           " + ", ".join(each.what for each in plan.calls)]


def _amounts(found: dict[str, Any]) -> dict[str, str]:
    """Money as plain decimals, shares too."""
    return {
        name: value.plain() if isinstance(value, Money) else decimal(value, 6)
        for name, value in found.items()
        if isinstance(value, Money) or value
    }
