"""People who order, confirm, hear no answer and confirm again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from juapesa.errors import JuaError
from juapesa.money import KES, NGN, USDC, Money
from juapesa.payments.domain import Kind, Order, Quote, Source, Summary
from juapesa.simulation.chance import Chance
from juapesa.simulation.house import KENYANS, NIGERIANS, House
from juapesa.simulation.truth import Broken, Seen

ORDERS_MAX = 6
NOW_AND_THEN = 0.25


@dataclass
class Ordered:
    """A quote that somebody confirms until they are answered. ``refused``: for good."""

    person: int
    quote: Quote
    answer: Summary | None = None
    tried: bool = False
    refused: bool = False


@dataclass
class Customers:
    """All of them."""

    house: House
    chance: Chance
    note: Callable[[str], None]
    orders: list[Ordered] = field(default_factory=list)

    def act(self) -> None:
        """One request of one person. Raises what the house refuses with, and what befalls it."""
        open_orders = [each for each in self.orders if each.answer is None and not each.refused]
        if open_orders and self.chance.likely(0.6):
            self._confirm(self.chance.pick(open_orders))
        elif self.orders and self.chance.likely(NOW_AND_THEN):
            self._confirm(self.chance.pick(self.orders))
        elif len(self.orders) < ORDERS_MAX:
            self._quote()

    def repeat_all(self) -> None:
        """Whoever asked and was not answered asks again."""
        for each in self.orders:
            if each.tried and each.answer is None and not each.refused:
                self._confirm(each)

    def name(self, code: str) -> str:
        """A payment by its place in the history: codes are random."""
        for number, each in enumerate(self.orders, 1):
            if each.answer is not None and each.answer.code == code:
                return f"payment {number}"
        return "a payment whose confirmation was not answered"

    def check(self, seen: Iterable[Seen]) -> None:
        """Whoever was answered has that payment, at that price; one quote is one payment."""
        by_code = {payment.code: payment for payment in seen}
        for each in self.orders:
            if each.answer is None:
                continue
            payment = by_code.get(each.answer.code)
            if payment is None:
                raise Broken("a confirmed payment is not on record")
            if (payment.total, payment.receives) != (each.quote.total.minor, each.quote.receives.minor):
                raise Broken(f"{payment.code} is not what was quoted")
        if len(by_code) > sum(each.tried for each in self.orders):
            raise Broken("there are more payments than were confirmed")

    def _quote(self) -> None:
        phone, order = self._draw()
        person = self.house.people[phone]
        with self.house.db.unit_of_work() as uow:
            quote = self.house.parts.payments.quote(uow, person, order)
        self.orders.append(Ordered(person, quote))
        self.note(f"order {len(self.orders)}: {order.kind} {order.amount} from the {order.source}")

    def _confirm(self, order: Ordered) -> None:
        order.tried = True
        try:
            with self.house.db.unit_of_work() as uow:
                answer = self.house.parts.payments.confirm(uow, order.person, order.quote.token)
        except JuaError:
            if order.answer is not None:
                raise Broken("a payment that was confirmed is refused") from None
            order.refused = True
            raise
        if order.answer is None:
            order.answer = answer
            self.note(f"order {self.orders.index(order) + 1} is confirmed")
        before = order.answer
        if (before.code, before.paid, before.receives) != (answer.code, answer.paid, answer.receives):
            raise Broken("one confirmation was answered in two ways")

    def _draw(self) -> tuple[str, Order]:
        chance = self.chance
        if chance.likely(0.25):
            phone = chance.pick(NIGERIANS)
            amount = Money.whole(chance.whole(500, 120_000), NGN)
            return phone, Order(Kind.SEND, amount, to_phone=chance.pick(KENYANS))
        phone = chance.pick(KENYANS)
        amount = Money.whole(chance.pick((100, 250, 1_000, 3_000, 12_000)), KES)
        kind = chance.pick((Kind.SEND, Kind.SEND, Kind.SEND, Kind.RECEIVE, Kind.CONVERT))
        if kind is Kind.CONVERT:
            return phone, Order(kind, amount, Source.WALLET, to_currency=USDC)
        if kind is Kind.RECEIVE:
            return phone, Order(kind, amount)
        source = chance.pick((Source.RAIL, Source.RAIL, Source.WALLET))
        others = [each for each in (*KENYANS, *NIGERIANS, *NIGERIANS) if each != phone]
        return phone, Order(kind, amount, source, to_phone=chance.pick(others))
