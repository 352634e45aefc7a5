"""What each chain leg asks of the hub: mint what entered, swap, burn what leaves. Pure.

Every unit collected by an operator is minted once, every unit that leaves by an operator is
burnt before it is paid out, so that supply never exceeds custody.
"""

from dataclasses import dataclass

from juapesa.issuance.domain import Mint, Orders, Source, Swap
from juapesa.money import Money, token_of
from juapesa.payments import domain
from juapesa.payments.domain import Kind
from juapesa.payments.saga import LegKind, Saga

# What an unwinding swap must give back at least, of what the first swap took: prices may have moved.
UNWIND_KEEPS_PPM = 970_000


@dataclass(frozen=True, slots=True)
class Custody:
    """The operator's movement that backs a mint.

    ``reference`` is ours; ``receipt`` the operator's own id, where it gave one.
    """

    source: Source
    rail: str
    reference: str
    receipt: str

    def mint(self, amount: Money) -> Mint:
        """The order to mint ``amount`` of a token against this movement."""
        return Mint(amount, self.source, self.rail, self.reference, self.receipt)


def chain_order(kind: LegKind, saga: Saga, custody: Custody | None) -> Orders:
    """The item of a chain leg.

    ``custody`` is the collection (CHAIN, of money from a rail), the refused payout (UNWIND) or
    the refused refund (RESTORE).
    """
    match kind:
        case LegKind.CHAIN:
            return _forward(saga, custody)
        case LegKind.UNWIND:
            return _unwind(saga, custody)
        case LegKind.RESTORE:
            assert custody is not None
            return Orders(mint=custody.mint(_token_down(saga.total)))
        case _:
            raise AssertionError(f"{kind} is not a leg of the chain")


def _forward(saga: Saga, custody: Custody | None) -> Orders:
    assert (custody is None) == (saga.source is domain.Source.WALLET)
    taken, given = _token_down(saga.amount), _token_up(saga.receives)
    return Orders(
        mint=custody.mint(taken) if custody else None,
        swap=None if saga.from_currency == saga.to_currency else Swap(taken, given),
        burn=given if saga.kind is Kind.SEND else None,
    )


def _unwind(saga: Saga, custody: Custody | None) -> Orders:
    assert custody is not None
    returned = _token_up(saga.receives)
    if saga.from_currency == saga.to_currency:
        return Orders(mint=custody.mint(returned))
    taken = _token_down(saga.amount)
    kept = Money(taken.minor * UNWIND_KEEPS_PPM // 1_000_000, taken.currency)
    return Orders(
        mint=custody.mint(returned),
        swap=Swap(returned, kept),
        burn=kept if saga.source is domain.Source.RAIL else None,
    )


def _token_down(amount: Money) -> Money:
    return amount.rescaled_down(token_of(amount.currency))


def _token_up(amount: Money) -> Money:
    return amount.rescaled_up(token_of(amount.currency))
