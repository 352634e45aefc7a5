"""Entering an amount: the same question in every order."""

from collections.abc import Callable

from juapesa.money import Currency, Money, NotMoney
from juapesa.ussd.menus.page import Body, Decision, Go, Page, State, Stay, View, short


def limits(view: View, currency: Currency) -> tuple[Money, Money]:
    """The least and the most that one order may move."""
    fees = view.fees
    return (
        Money(fees.amount_min_minor[currency.code], currency),
        Money(fees.amount_max_minor[currency.code], currency),
    )


def amount_page(title: str, currency_of: Callable[[View, State], Currency], back: str, then: str) -> Page:
    """A page that asks for an amount and goes to ``then`` with ``amount`` in the draft."""

    def show(view: View, state: State) -> Body:
        currency = currency_of(view, state)
        least, most = limits(view, currency)
        texts = view.texts(state)
        brief = texts("amount.brief", code=currency.code)
        return Body(texts(title, code=currency.code, least=_digits(least), most=_digits(most)), brief=brief)

    def take(view: View, state: State, typed: str) -> Decision:
        texts, currency = view.texts(state), currency_of(view, state)
        try:
            amount = Money.parse(typed, currency)
        except NotMoney as problem:
            return Stay(state, texts.failure(problem.slug, problem.detail))
        least, most = limits(view, currency)
        if amount < least:
            return Stay(state, texts("amount.small", least=short(least)))
        if amount > most:
            return Stay(state, texts("amount.large", most=short(most)))
        return Go(state.moved(then, amount=amount.plain()))

    return Page(show, take, lambda _: back)


def _digits(amount: Money) -> str:
    return short(amount).partition(" ")[0]
