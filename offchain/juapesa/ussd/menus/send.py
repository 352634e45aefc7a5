"""Send: amount, number, source when the wallet can pay, quote, PIN."""

from juapesa.errors import JuaError
from juapesa.money import Currency, Money
from juapesa.payments.domain import Kind, Order, Source
from juapesa.ussd.menus.amounts import amount_page
from juapesa.ussd.menus.checkout import Checkout
from juapesa.ussd.menus.page import (
    Ask,
    AskBalances,
    Balances,
    Body,
    Decision,
    Go,
    Page,
    Reply,
    State,
    Stay,
    View,
    short,
)

_SOURCES = {"1": Source.RAIL, "2": Source.WALLET}


def _home(view: View, _state: State) -> Currency:
    return view.home


def _order(view: View, state: State) -> Order:
    draft = state.draft
    amount = Money.parse(draft["amount"], view.home)
    return Order(Kind.SEND, amount, Source(draft.get("source", Source.RAIL)), to_phone=draft["to"])


def _show_to(view: View, state: State) -> Body:
    texts = view.texts(state)
    return Body(texts("send.to"), brief=texts("send.to_brief"))


def _take_to(view: View, state: State, typed: str) -> Decision:
    try:
        number = view.read_phone(typed, view.country)
    except JuaError as problem:
        return Stay(state, view.texts(state).failure(problem.slug, problem.detail))
    return Ask(state.moved("send.to", to=number.e164), AskBalances())


def _heard_balances(view: View, state: State, reply: Reply) -> Decision:
    """Ask for the source only when there is a choice."""
    assert isinstance(reply, Balances)
    amount = Money.parse(state.draft["amount"], view.home)
    in_wallet = next((each for each in reply.amounts if each.currency == view.home), Money.zero(view.home))
    entered = {key: value for key, value in state.draft.items() if key not in {"wallet", "source"}}
    if in_wallet < amount:
        return Go(State("send.quote", state.language, entered, state.trusted))
    return Go(State("send.source", state.language, {**entered, "wallet": short(in_wallet)}, state.trusted))


def _show_source(view: View, state: State) -> Body:
    texts = view.texts(state)
    wallet = texts("send.wallet", balance=state.draft["wallet"])
    return Body(texts("send.source"), (("1", view.rail_label), ("2", wallet)), brief="")


def _take_source(view: View, state: State, typed: str) -> Decision:
    if typed in _SOURCES:
        return Go(state.moved("send.quote", source=_SOURCES[typed]))
    return Stay(state, view.texts(state)("common.choose"))


def _before_quote(state: State) -> str:
    return "send.source" if "wallet" in state.draft else "send.to"


def _mend(state: State, slug: str) -> str:
    if slug in {"unknown-destination", "same-party"}:
        return "send.to"
    if slug == "insufficient-funds":
        return _before_quote(state) if "wallet" in state.draft else "send.amount"
    return "send.amount"


PAGES = {
    "send.amount": amount_page("send.amount", _home, back="home.menu", then="send.to"),
    "send.to": Page(_show_to, _take_to, lambda _: "send.amount", _heard_balances),
    "send.source": Page(_show_source, _take_source, lambda _: "send.to"),
    **Checkout("send", _order, _before_quote, _mend).pages(),
}
