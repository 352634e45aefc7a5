"""What a liquidity provider does: reckoned by the exact model first, then as transactions.

A plan says what a block like the newest one would give, what the provider insists on at least, and the
calls that do it. Nobody's key is needed to make one.
"""

from dataclasses import dataclass
from typing import Any

from juapesa.chain import Deployment, Rpc, abi
from juapesa.chain.prices import SignedPrice
from juapesa.chain.sending import TransactionRefused
from juapesa.crypto import keccak256
from juapesa.errors import JuaError
from juapesa.money import USDC, Currency, Money
from juapesa.pools import calls, shares
from juapesa.pools.errors import (
    ExchangeLimit,
    ExchangePaused,
    MoneyShort,
    NoPrice,
    PoolMoved,
    PositionShort,
    PriceInDoubt,
    refusal,
)
from juapesa.pools.exact_model import PPM, Pool, Refused
from juapesa.pools.liquidity import TERMS, PoolView, Position, view_position
from juapesa.pools.price_model import updated
from juapesa.pools.watch import agreed_on

INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """One transaction: what it does in words, and the call."""

    what: str
    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen. Money by the name of what it is; shares in millionths of a share.

    ``at_least`` is what the transaction insists on: with less of it, nothing happens.
    """

    shares: int
    amounts: dict[str, Money]
    at_least: dict[str, int]
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Provider:
    """One owner's doings at one pool, as of one block. Amounts are checked before anything is sent."""

    rpc: Rpc
    deployment: Deployment
    view: PoolView
    owner: str
    slippage_ppm: int
    prices: tuple[SignedPrice, ...] = ()  # the publishers' newest, brought first where the kept one is old

    @property
    def token(self) -> Currency:
        """The pool's local token."""
        return self.view.token

    async def deposit(self, token_max: Money, usdc_max: Money, term: int) -> Plan:
        """Both sides, at most these amounts. Raises Unavailable with the pool's reason, MoneyShort."""
        pool, before = self._priced()
        try:
            made = shares.deposit(pool, self.view.shares, token_max.minor, usdc_max.minor)
        except Refused as refused:
            raise refusal(refused.why) from None
        least = self._less(made.shares)
        held = self.view.state.reserves
        # What is offered may be used up to the last unit when the pool moves meanwhile.
        approvals = [*await self._approval(token_max), *await self._approval(usdc_max)]
        approvals += before if held.token == held.usdc == 0 else []  # only the first needs a price
        call = calls.ADD.call(self._at, token_max.minor, usdc_max.minor, least, term, False)  # noqa: FBT003
        amounts = {"token_in": Money(made.token, self.token), "usdc_in": Money(made.usdc, USDC)}
        return Plan(made.shares, amounts, {"shares": least}, (*approvals, self._call("deposit", call)))

    async def deposit_one_side(self, amount: Money, term: int) -> Plan:
        """One side alone. Raises Unavailable with the pool's reason, MoneyShort."""
        is_usdc = amount.currency == USDC
        pool, before = self._priced()
        try:
            made = shares.deposit_one_side(pool, self.view.shares, amount.minor, is_usdc=is_usdc)
        except Refused as refused:
            raise refusal(refused.why) from None
        least = self._less(made.shares)
        approvals = [*await self._approval(amount), *before]
        call = calls.ADD_ONE_SIDE.call(self._at, amount.minor, is_usdc, least, term, False)  # noqa: FBT003
        amounts = {"usdc_in" if is_usdc else "token_in": amount}
        return Plan(made.shares, amounts, {"shares": least}, (*approvals, self._call("deposit", call)))

    async def withdraw(self, out: int | None, term: int) -> Plan:
        """These shares' part of both sides, or all of them (None). Raises PositionShort."""
        held = await self.position(term)
        out = held.shares if out is None else out
        if not 0 < out <= held.shares:
            here = f"At term {term} there are {share_text(held.shares)} shares"
            raise PositionShort(f"{here}{await self._at_other_terms(term)}.")
        token, usdc = shares.withdrawal(self.view.state.reserves, self.view.shares, out)
        at_least = {"token_out": self._less(token), "usdc_out": self._less(usdc)}
        call = calls.REMOVE.call(self._at, out, *at_least.values(), term, False)  # noqa: FBT003
        amounts = {
            "token_out": Money(token, self.token),
            "usdc_out": Money(usdc, USDC),
            "fees_forfeited": Money(held.forfeited_usdc(out, self.view.block.at), USDC),
        }
        return Plan(out, amounts, at_least, (self._call("withdraw", call),))

    async def claim_fees(self, term: int) -> Plan:
        """The fees of one position. Raises PositionShort."""
        held = await self.position(term)
        fees = held.claimable_usdc(self.view.block.at)
        if fees == 0:
            raise PositionShort("This position has no fees to claim yet.")
        call = calls.CLAIM_FEES.call(self._at, term, False)  # noqa: FBT003
        return Plan(0, {"fees": Money(fees, USDC)}, {}, (self._call("claim fees", call),))

    async def _at_other_terms(self, term: int) -> str:
        """Where else the owner has shares."""
        found = [(other, (await self.position(other)).shares) for other in TERMS if other != term]
        return "".join(f", at term {other} {share_text(held)}" for other, held in found if held)

    async def position(self, term: int) -> Position:
        """The owner's position at a term. Raises ChainUnreachable, RpcRefused."""
        return await view_position(self.rpc, self.deployment, self.view, self.owner, term)

    def _priced(self) -> tuple[Pool, list[Call]]:
        """The pool at the price that its calls will find, and the call that brings it there."""
        kept, now = self.view.state.kept, self.view.block.at
        ours = [each for each in self.prices if each.token == self.token]
        if not ours or now - kept.observed_at <= self.view.state.settings.fresh_seconds:
            return self.view.pool(), []
        price = updated(kept, agreed_on(self.token, ours), now)
        brought = calls.UPDATE_PRICES.call([each.abi_tuple(self.deployment) for each in ours])
        return self.view.pool(price), [self._call("bring the publishers' prices", brought)]

    @property
    def _at(self) -> str:
        return self.deployment.tokens[self.token]

    def _less(self, amount: int) -> int:
        """The least that is taken instead of ``amount``."""
        return amount * (PPM - self.slippage_ppm) // PPM

    def _call(self, what: str, data: bytes) -> Call:
        return Call(what, self.deployment.pools, data)

    async def _approval(self, amount: Money) -> list[Call]:
        """The approval that drawing this amount needs, if it is not there yet. Raises MoneyShort."""
        at, pools = self.deployment.tokens[amount.currency], self.deployment.pools
        has = await self._asked(at, calls.BALANCE_OF, self.owner)
        if has < amount.minor:
            held = Money(min(has, INT64_MAX), amount.currency)
            raise MoneyShort(f"The account holds {held}; {amount} are wanted.")
        if await self._asked(at, calls.ALLOWANCE, self.owner, pools) >= amount.minor:
            return []
        return [Call(f"approve {amount}", at, calls.APPROVE.call(pools, amount.minor))]

    async def _asked(self, to: str, function: abi.Function, *values: Any) -> int:
        data = await self.rpc.call(to, function.call(*values), block=self.view.block.number)
        return int(function.result(data)[0])


def outcome(receipt: dict[str, Any], deployment: Deployment, token: Currency) -> dict[str, Any]:
    """What a provider's transaction did, from its own event: shares, and money by the names of a plan."""
    logs = receipt["logs"]
    for log in abi.topics_of(logs, calls.LIQUIDITY_CHANGED, deployment.pools):
        _token, _owner, change, _reserves = calls.LIQUIDITY_CHANGED.read(log)
        way = "in" if change >> 255 else "out"
        return {
            "shares": change >> 128 & 2**80 - 1,
            f"token_{way}": Money(change & 2**64 - 1, token),
            f"usdc_{way}": Money(change >> 64 & 2**64 - 1, USDC),
        }
    for log in abi.topics_of(logs, calls.FEES_CLAIMED, deployment.pools):
        _token, _owner, _term, amount = calls.FEES_CLAIMED.read(log)
        return {"shares": 0, "fees": Money(amount, USDC)}
    return {}


def why_refused(error: TransactionRefused) -> JuaError:
    """What the contract said, for a person; the chain's own words where it is none of these."""
    said = (
        (kind, detail)
        for signature, (kind, detail) in _CONTRACT_SAYS.items()
        if keccak256(signature.encode())[:4] == error.data[:4]
    )
    kind, detail = next(said, (None, ""))
    return error if kind is None else kind(detail)


_MOVED = (PoolMoved, "The pool has moved: it would give less than you insist on. Look, and run it again.")
_CONTRACT_SAYS: dict[str, tuple[type[JuaError], str]] = {
    "SharesShort(uint256,uint256)": _MOVED,
    "PayoutShort(uint256,uint256)": _MOVED,
    "PositionShort(uint256,uint256)": (PositionShort, "The position has not that many shares any more."),
    "LimitReached(address,bool,uint256,uint256)": (
        ExchangeLimit,
        "The hour's or the day's limit is used up meanwhile. Put in less, or try again later.",
    ),
    "StalePrice(address,uint64,uint64,uint64)": (NoPrice, "The price has become too old. Try again."),
    "DoubtfulPrice(address,uint256,uint256)": (PriceInDoubt, "The price moves too fast. Try again later."),
    "DirectionPaused(address,bool)": (ExchangePaused, "This direction has been halted. Try again later."),
}


def share_text(units: int) -> str:
    """Shares for people: six decimals, as a dollar has."""
    return f"{units // 10**6:,}.{units % 10**6:06}"
