"""The same rules in plain Python: what the database must do, on one page, without a database.

Tests run one random history through both and compare every answer; nothing in production uses it.
"""

from dataclasses import dataclass, field
from datetime import datetime

from juapesa.ledger.domain import AMOUNT_MINOR_MAX, DEBIT_NORMAL, FLOORS, AccountKind, Transfer
from juapesa.ledger.errors import HoldEnded, KeyReused, LimitExceeded, UnknownAccount, UnknownHold
from juapesa.money import Currency, Money

After = tuple[tuple[int, int], ...]  # per transfer: balance after of the debit and of the credit account


@dataclass(slots=True)
class ModelAccount:
    """Minor units in the account's normal direction."""

    kind: AccountKind
    currency: Currency
    posted: int = 0
    held: int = 0
    incoming: int = 0
    entries: list[int] = field(default_factory=list)  # the balance after each

    @property
    def side(self) -> int:
        return 1 if self.kind in DEBIT_NORMAL else -1

    def fits(self) -> bool:
        """Whether its limits hold."""
        floor = FLOORS.get(self.kind)
        in_range = max(abs(self.posted), self.held, self.incoming) <= AMOUNT_MINOR_MAX
        return in_range and (floor is None or self.posted - self.held >= floor)


@dataclass(slots=True)
class ModelHold:
    """``transfer`` set aside while ``open``."""

    transfer: Transfer
    expires_at: datetime
    open: bool = True


class LedgerModel:
    """Accounts, holds and the answers given per key. Raises the same failures as the real one."""

    def __init__(self) -> None:
        self.accounts: dict[int, ModelAccount] = {}
        self.holds: dict[int, ModelHold] = {}
        self._keys: dict[str, tuple[object, object]] = {}

    def post(self, key: str, transfers: tuple[Transfer, ...]) -> After:
        """Balances after, per transfer."""
        body = ("post", transfers)
        if key not in self._keys:
            self._keys[key] = (body, self._atomic(transfers))
        return self._answer(key, body)  # type: ignore[return-value]

    def hold(self, key: str, hold_id: int, transfer: Transfer, expires_at: datetime) -> int:
        """The id of the hold: ``hold_id``, or the first one's."""
        body = ("hold", transfer)
        if key not in self._keys:
            self._require_accounts(transfer)
            self._reserve(transfer, 1)
            try:
                self._require_limits(transfer)
            except LimitExceeded:
                self._reserve(transfer, -1)
                raise
            self.holds[hold_id] = ModelHold(transfer, expires_at)
            self._keys[key] = (body, hold_id)
        return self._answer(key, body)  # type: ignore[return-value]

    def capture(self, key: str, hold_id: int, amount: Money | None) -> After:
        """Balances after the captured part; None captures all."""
        hold = self._hold(hold_id)
        part = amount or hold.transfer.amount
        body = ("capture", hold_id, part)
        if key not in self._keys:
            self._require_open(hold)
            if part > hold.transfer.amount:
                raise LimitExceeded("")
            # Giving the reservation back first: a capture never needs more than was held.
            self._reserve(hold.transfer, -1)
            moved = Transfer(hold.transfer.debit, hold.transfer.credit, part, hold.transfer.code)
            try:
                after = self._atomic((moved,))
            except LimitExceeded:
                self._reserve(hold.transfer, 1)
                raise
            hold.open = False
            self._keys[key] = (body, after)
        return self._answer(key, body)  # type: ignore[return-value]

    def release(self, key: str, hold_id: int) -> None:
        """Give a hold back."""
        hold = self._hold(hold_id)
        body = ("release", hold_id)
        if key not in self._keys:
            self._require_open(hold)
            self._end(hold)
            self._keys[key] = (body, None)
        self._answer(key, body)

    def expire_holds(self, now: datetime) -> int:
        """End what is due; how many."""
        due = [each for each in self.holds.values() if each.open and each.expires_at <= now]
        for each in due:
            self._end(each)
        return len(due)

    def _answer(self, key: str, body: object) -> object:
        first, answer = self._keys[key]
        if first != body:
            raise KeyReused("")
        return answer

    def _atomic(self, transfers: tuple[Transfer, ...]) -> After:
        """Apply in order; on the first that does not fit undo all."""
        for each in transfers:
            self._require_accounts(each)
        done: list[Transfer] = []
        after: list[tuple[int, int]] = []
        try:
            for each in transfers:
                self._move(each, 1)
                done.append(each)
                after.append(self._require_limits(each))
        except LimitExceeded:
            for each in reversed(done):
                self._move(each, -1)
            raise
        for each, (debit_after, credit_after) in zip(transfers, after, strict=True):
            self.accounts[each.debit].entries.append(debit_after)
            self.accounts[each.credit].entries.append(credit_after)
        return tuple(after)

    def _move(self, transfer: Transfer, sign: int) -> None:
        debit, credit = self._pair(transfer)
        debit.posted += sign * debit.side * transfer.amount.minor
        credit.posted -= sign * credit.side * transfer.amount.minor

    def _reserve(self, transfer: Transfer, sign: int) -> None:
        for account, direction in zip(self._pair(transfer), (1, -1), strict=True):
            if account.side == direction:
                account.incoming += sign * transfer.amount.minor
            else:
                account.held += sign * transfer.amount.minor

    def _end(self, hold: ModelHold) -> None:
        self._reserve(hold.transfer, -1)
        hold.open = False

    def _pair(self, transfer: Transfer) -> tuple[ModelAccount, ModelAccount]:
        return self.accounts[transfer.debit], self.accounts[transfer.credit]

    def _require_accounts(self, transfer: Transfer) -> None:
        for number in (transfer.debit, transfer.credit):
            account = self.accounts.get(number)
            if account is None or account.currency != transfer.amount.currency:
                raise UnknownAccount("")

    def _require_limits(self, transfer: Transfer) -> tuple[int, int]:
        """Both balances after, if both accounts keep their limits."""
        debit, credit = self._pair(transfer)
        if not (debit.fits() and credit.fits()):
            raise LimitExceeded("")
        return debit.posted, credit.posted

    def _hold(self, hold_id: int) -> ModelHold:
        if hold_id not in self.holds:
            raise UnknownHold("")
        return self.holds[hold_id]

    @staticmethod
    def _require_open(hold: ModelHold) -> None:
        if not hold.open:
            raise HoldEnded("")
