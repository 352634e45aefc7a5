"""The first screen, and the offer to go on where the line was lost."""

from juapesa.money import Money, currency
from juapesa.ussd.menus.page import Body, Decision, Go, Page, State, Stay, View, short

RESUMABLE = frozenset({"send", "receive", "convert"})

_CHOICES = {"1": "send.amount", "2": "receive.amount", "3": "convert.pair", "4": "account.menu"}


def resumable(state: State) -> bool:
    """Whether there is something worth going on with: an order with an amount in it."""
    return state.at.partition(".")[0] in RESUMABLE and "amount" in state.draft


def _show_menu(view: View, state: State) -> Body:
    texts = view.texts(state)
    options = tuple((key, texts(f"home.choice_{key}")) for key in _CHOICES)
    return Body(texts("home.title"), options, brief="", foot="home.foot")


def _take_menu(view: View, state: State, typed: str) -> Decision:
    if typed in _CHOICES:
        return Go(state.fresh(_CHOICES[typed]))
    return Stay(state, view.texts(state)("common.choose"))


def _show_resume(view: View, state: State) -> Body:
    texts, draft = view.texts(state), state.unfinished or {}
    flow = draft["at"].partition(".")[0]
    code = draft.get("pair", view.home.code).partition("-")[0]
    amount = short(Money.parse(draft["amount"], currency(code)))
    return Body(
        texts("home.resume", what=texts(f"home.was_{flow}", amount=amount)),
        (("1", texts("home.resume_yes")), ("2", texts("home.resume_no"))),
        brief="",
    )


def _take_resume(view: View, state: State, typed: str) -> Decision:
    if typed == "1" and state.unfinished is not None:
        entered = dict(state.unfinished)
        return Go(State(_first_open(entered.pop("at")), state.language, entered))
    if typed == "2":
        return Go(State("home.menu", state.language))
    return Stay(state, view.texts(state)("common.choose"))


def _first_open(at: str) -> str:
    """The page to resume on: a price or a PIN is never taken over, it is asked for again."""
    flow, _, page = at.partition(".")
    return f"{flow}.quote" if page in {"pin", "expired"} else at


def _nowhere(_state: State) -> str:
    return "home.menu"


PAGES = {
    "home.menu": Page(_show_menu, _take_menu, lambda _: ""),
    "home.resume": Page(_show_resume, _take_resume, _nowhere),
}
