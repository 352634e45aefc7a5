"""Convert: between the home currency and USDC, inside the wallet."""

from juapesa.money import USDC, Currency, Money, currency
from juapesa.payments.domain import Kind, Order, Source
from juapesa.ussd.menus.amounts import amount_page
from juapesa.ussd.menus.checkout import Checkout
from juapesa.ussd.menus.page import Body, Decision, Go, Page, State, Stay, View


def _pairs(view: View) -> dict[str, tuple[Currency, Currency]]:
    return {"1": (view.home, USDC), "2": (USDC, view.home)}


def _show_pair(view: View, state: State) -> Body:
    texts = view.texts(state)
    options = tuple(
        (key, texts("convert.pair", given=given.code, wanted=wanted.code))
        for key, (given, wanted) in _pairs(view).items()
    )
    return Body(texts("convert.title"), options, brief="")


def _take_pair(view: View, state: State, typed: str) -> Decision:
    pair = _pairs(view).get(typed)
    if pair is None:
        return Stay(state, view.texts(state)("common.choose"))
    return Go(state.moved("convert.amount", pair=f"{pair[0].code}-{pair[1].code}"))


def _chosen(state: State) -> tuple[Currency, Currency]:
    given, _, wanted = state.draft["pair"].partition("-")
    return currency(given), currency(wanted)


def _given(_view: View, state: State) -> Currency:
    return _chosen(state)[0]


def _order(_view: View, state: State) -> Order:
    given, wanted = _chosen(state)
    return Order(Kind.CONVERT, Money.parse(state.draft["amount"], given), Source.WALLET, to_currency=wanted)


def _amount(_state: State, _slug: str = "") -> str:
    return "convert.amount"


PAGES = {
    "convert.pair": Page(_show_pair, _take_pair, lambda _: "home.menu"),
    "convert.amount": amount_page("convert.amount", _given, back="convert.pair", then="convert.quote"),
    **Checkout("convert", _order, _amount, _amount).pages(),
}
