"""The end of every order: the quote with every fee, the PIN, the receipt code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from juapesa.payments.domain import Kind, Order, Quote, Source, Summary
from juapesa.ussd.catalogue import Texts
from juapesa.ussd.menus.page import (
    Ask,
    AskConfirm,
    AskQuote,
    Body,
    Confirmed,
    Decision,
    End,
    Go,
    Page,
    PinRefused,
    Quoted,
    Refused,
    Reply,
    State,
    Stay,
    View,
    is_pin,
    pin_refused,
    short,
)

_QUOTE_GONE = frozenset({"quote-expired", "unknown-payment"})


@dataclass(frozen=True, slots=True)
class Checkout:
    """The pages ``<flow>.quote``, ``.expired`` and ``.pin``.

    ``order_of`` reads the order from the draft; ``before`` names the page to go back to;
    ``mend`` names the page where a refusal with that slug can be mended.
    """

    flow: str
    order_of: Callable[[View, State], Order]
    before: Callable[[State], str]
    mend: Callable[[State, str], str]

    def pages(self) -> Mapping[str, Page]:
        """By name."""
        return {
            f"{self.flow}.quote": Page(
                _show_quote, self._take_quote, self.before, self._heard_quote, self._enter_quote
            ),
            f"{self.flow}.expired": Page(_show_expired, self._take_expired, self.before),
            f"{self.flow}.pin": Page(_show_pin, _take_pin, lambda _: f"{self.flow}.quote", self._heard_pin),
        }

    def _enter_quote(self, view: View, state: State) -> Decision:
        return Ask(state, AskQuote(self.order_of(view, state)))

    def _heard_quote(self, view: View, state: State, reply: Reply) -> Decision:
        if isinstance(reply, Quoted):
            return Stay(_offered(view, state, reply.quote))
        assert isinstance(reply, Refused)
        return self._mended(view, state, reply)

    def _take_quote(self, view: View, state: State, typed: str) -> Decision:
        if typed == "1":
            return Go(state.moved(f"{self.flow}.pin"))
        return Stay(state, view.texts(state)("common.choose"))

    def _heard_pin(self, view: View, state: State, reply: Reply) -> Decision:
        match reply:
            case Confirmed(summary):
                return End(state.fresh("home.menu"), _thanks(view, state, summary))
            case PinRefused():
                return pin_refused(view, state, reply)
            case Refused(slug) if slug in _QUOTE_GONE:
                return Stay(state.moved(f"{self.flow}.expired"))
            case Refused():
                return self._mended(view, state, reply)
            case _:
                raise AssertionError(f"unexpected {type(reply).__name__}")

    def _take_expired(self, view: View, state: State, typed: str) -> Decision:
        if typed == "1":
            return Go(state.moved(f"{self.flow}.quote"))
        return Stay(state, view.texts(state)("common.choose"))

    def _mended(self, view: View, state: State, refused: Refused) -> Decision:
        notice = view.texts(state).failure(refused.slug, refused.detail)
        return Stay(state.moved(self.mend(state, refused.slug)), notice)


def _show_pin(view: View, state: State) -> Body:
    return Body(view.texts(state)("checkout.pin", total=state.draft["pay"]))


def _take_pin(view: View, state: State, typed: str) -> Decision:
    if not is_pin(typed):
        return Stay(state, view.texts(state)("pin.shape"))
    return Ask(state, AskConfirm(state.draft["token"], typed))


def _show_quote(view: View, state: State) -> Body:
    """The offer as it was rendered when it came."""
    texts = view.texts(state)
    confirm = (("1", texts("checkout.confirm")),)
    return Body(state.draft["offer"], confirm, brief=texts("checkout.brief", total=state.draft["pay"]))


def _show_expired(view: View, state: State) -> Body:
    texts = view.texts(state)
    return Body(texts("checkout.expired"), (("1", texts("checkout.renew")),), brief="")


def _offered(view: View, state: State, quote: Quote) -> State:
    pay = short(quote.total)
    return state.moved(state.at, token=quote.token, pay=pay, offer=offer(view.texts(state), quote))


def offer(texts: Texts, quote: Quote) -> str:
    """The quote in lines: who gets what, the rate, every fee, the total."""
    order = quote.order
    lines = [
        texts(
            f"checkout.{order.kind}",
            to=order.to_phone or "",
            label=quote.to_label,
            receives=short(quote.receives),
            amount=short(order.amount),
        ),
        texts("checkout.rate", rate=quote.rate) if quote.rate else "",
        *_fee_lines(texts, quote),
        texts("checkout.total", total=short(quote.total)),
    ]
    return "\n".join(line for line in lines if line)


def _fee_lines(texts: Texts, quote: Quote) -> list[str]:
    if not quote.fees:
        return [texts("checkout.free")]
    parts = [
        f"{texts(f'checkout.fee_{fee.name}')} {short(fee.amount).partition(' ')[0]}" for fee in quote.fees
    ]
    return [texts("checkout.fees", fees=" + ".join(parts), code=quote.fees[0].amount.currency.code)]


def _thanks(view: View, state: State, summary: Summary) -> str:
    texts = view.texts(state)
    from_rail = summary.kind is Kind.RECEIVE or (
        summary.kind is Kind.SEND and state.draft.get("source", Source.RAIL) == Source.RAIL
    )
    key = "checkout.thanks_rail" if from_rail else "checkout.thanks_wallet"
    return texts(key, paid=short(summary.paid), code=summary.code, rail=view.rail_label)
