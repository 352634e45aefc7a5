"""An attester's own view of MoMo: plain questions with plain answers."""

from juapesa.money import Money, currency
from juapesa.rails.momo.adapter import NAME, account_balance, status_answer
from juapesa.rails.momo.client import MomoClient
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import Outcome, RailAnswer
from juapesa.rails.reading import OperatorSilent, SeenCollect


class MomoReader:
    """An OperatorReader. ``counted`` are the products whose account counts.

    Both products may show one account, and money must never be counted twice: name both only
    where they are known to be apart.
    """

    rail = NAME

    def __init__(
        self,
        collection: MomoClient,
        disbursement: MomoClient,
        currency_code: str,
        counted: tuple[Product, ...] = (Product.DISBURSEMENT,),
    ) -> None:
        self._apis = {Product.COLLECTION: collection, Product.DISBURSEMENT: disbursement}
        self._currency = currency(currency_code)
        self._counted = counted

    async def confirm_collect(self, reference: str, receipt: str | None) -> SeenCollect:
        answer = await self._find(Product.COLLECTION, f"/v1_0/requesttopay/{reference}", reference)
        if answer.outcome is not Outcome.SUCCESS:
            return SeenCollect(answer.outcome)
        told_otherwise = receipt is not None and answer.receipt != receipt
        if answer.amount is None or answer.receipt is None or told_otherwise:
            return SeenCollect(Outcome.UNKNOWN)
        return SeenCollect(Outcome.SUCCESS, answer.amount, answer.receipt)

    async def confirm_payout(self, reference: str) -> Outcome:
        answer = await self._find(Product.DISBURSEMENT, f"/v1_0/transfer/{reference}", reference)
        return answer.outcome

    async def float_balance(self) -> Money:
        total = Money.zero(self._currency)
        for product in self._counted:
            held = await account_balance(self._apis[product], self._currency)
            if held is None:
                raise OperatorSilent("MoMo gave no balance.")
            total += held
        return total

    async def _find(self, product: Product, path: str, reference: str) -> RailAnswer:
        reply = await self._apis[product].get(path)
        if not reply.status:
            raise OperatorSilent("MoMo did not answer.")
        return status_answer(product, self._currency, reply, reference)
