"""Receive: from one's own mobile money into the wallet."""

from juapesa.money import Currency, Money
from juapesa.payments.domain import Kind, Order
from juapesa.ussd.menus.amounts import amount_page
from juapesa.ussd.menus.checkout import Checkout
from juapesa.ussd.menus.page import State, View


def _home(view: View, _state: State) -> Currency:
    return view.home


def _order(view: View, state: State) -> Order:
    return Order(Kind.RECEIVE, Money.parse(state.draft["amount"], view.home))


def _amount(_state: State, _slug: str = "") -> str:
    return "receive.amount"


PAGES = {
    "receive.amount": amount_page("receive.amount", _home, back="home.menu", then="receive.quote"),
    **Checkout("receive", _order, _amount, _amount).pages(),
}
