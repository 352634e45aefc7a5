"""What payments asks of the chain, asked of the issuance context under our references."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders
from juapesa.issuance.service import Issuance
from juapesa.money import Currency, Money
from juapesa.payments.ports import ChainOutcome, ChainState, ChainTrail

_STATES = {
    "open": ChainState.OPEN,
    "batched": ChainState.OPEN,
    "settled": ChainState.SETTLED,
    "failed": ChainState.FAILED,
}


@dataclass(frozen=True)
class IssuanceDesk:
    """Implements ``ports.ChainDesk``."""

    issuance: Issuance

    def order_all(
        self, uow: UnitOfWork, orders: Sequence[tuple[str, Orders]], floats: Mapping[Currency, Money]
    ) -> None:
        self.issuance.order_all(uow, {uuid.UUID(reference): order for reference, order in orders}, floats)

    def outcomes(self, uow: UnitOfWork, references: Sequence[str]) -> Mapping[str, ChainOutcome]:
        states = self.issuance.states(uow, [uuid.UUID(each) for each in references])
        return {str(each): ChainOutcome(_STATES[state], reason) for each, (state, reason) in states.items()}

    def ended(self, uow: UnitOfWork, references: Sequence[str]) -> list[str]:
        return [str(each) for each in self.issuance.ended(uow, [uuid.UUID(each) for each in references])]

    def trail(self, uow: UnitOfWork, reference: str) -> ChainTrail:
        tx_hash, leaves, signed_by = self.issuance.trail(uow, uuid.UUID(reference))
        return ChainTrail(tx_hash, tuple(leaves), signed_by)
