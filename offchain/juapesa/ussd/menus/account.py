"""My account: balances, last transfers, language, PIN, and how to check a receipt."""

from dataclasses import replace

from juapesa.payments.domain import Summary
from juapesa.ussd.menus.page import (
    Ask,
    AskBalances,
    AskRecent,
    Balances,
    Body,
    CheckPin,
    Decision,
    Done,
    Go,
    Page,
    PinRefused,
    Recent,
    Reply,
    State,
    Stay,
    View,
    is_pin,
    pin_refused,
    short,
)
from juapesa.ussd.menus.pin import NewPin, show_languages, take_language

RECENT_MAX = 3

_CHOICES = {
    "1": "account.balances",
    "2": "account.recent",
    "3": "account.language",
    "4": "account.new",
    "5": "account.about",
}
_NEEDS_PIN = frozenset({"1", "2", "4"})  # what somebody who borrowed the handset must not see or do
_ALWAYS_PIN = frozenset({"4"})


def _menu(_state: State) -> str:
    return "account.menu"


def _show_menu(view: View, state: State) -> Body:
    texts = view.texts(state)
    options = tuple((key, texts(f"account.choice_{key}")) for key in _CHOICES)
    return Body(texts("account.title"), options, brief="")


def _take_menu(view: View, state: State, typed: str) -> Decision:
    if typed not in _CHOICES:
        return Stay(state, view.texts(state)("common.choose"))
    if typed in _ALWAYS_PIN or (typed in _NEEDS_PIN and not state.trusted):
        return Go(state.fresh("account.pin").moved("account.pin", next=_CHOICES[typed]))
    return Go(state.fresh(_CHOICES[typed]))


def _show_pin(view: View, state: State) -> Body:
    return Body(view.texts(state)("account.pin"))


def _take_pin(view: View, state: State, typed: str) -> Decision:
    if not is_pin(typed):
        return Stay(state, view.texts(state)("pin.shape"))
    return Ask(state, CheckPin(typed))


def _heard_pin(view: View, state: State, reply: Reply) -> Decision:
    if isinstance(reply, PinRefused):
        return pin_refused(view, state, reply)
    assert isinstance(reply, Done)
    return Go(replace(state, at=state.draft["next"], draft={}, trusted=True))


def _only_back(view: View, state: State, _typed: str) -> Decision:
    return Stay(state, view.texts(state)("account.only_back"))


def _enter_balances(_view: View, state: State) -> Decision:
    return Ask(state, AskBalances())


def _heard_balances(_view: View, state: State, reply: Reply) -> Decision:
    assert isinstance(reply, Balances)
    return Stay(state.moved(state.at, lines="\n".join(short(each) for each in reply.amounts)))


def _show_balances(view: View, state: State) -> Body:
    return Body(view.texts(state)("account.balances") + "\n" + state.draft["lines"])


def _enter_recent(_view: View, state: State) -> Decision:
    return Ask(state, AskRecent(RECENT_MAX))


def _heard_recent(view: View, state: State, reply: Reply) -> Decision:
    """Keep the lines and details as text: the list must not change while it is being read."""
    assert isinstance(reply, Recent)
    entered: dict[str, str] = {}
    for number, summary in enumerate(reply.summaries, start=1):
        entered[f"line{number}"] = _line(view, state, summary)
        entered[f"more{number}"] = _details(view, state, summary)
    return Stay(state.fresh(state.at).moved(state.at, **entered))


def _show_recent(view: View, state: State) -> Body:
    texts, draft = view.texts(state), state.draft
    numbers = [str(each) for each in range(1, RECENT_MAX + 1) if f"line{each}" in draft]
    if not numbers:
        return Body(texts("account.none"))
    options = tuple((number, draft[f"line{number}"]) for number in numbers)
    return Body(texts("account.recent"), options, brief="")


def _take_recent(view: View, state: State, typed: str) -> Decision:
    if typed.isascii() and f"more{typed}" in state.draft:
        return Go(state.moved("account.transfer", chosen=typed))
    key = "common.choose" if "line1" in state.draft else "account.only_back"
    return Stay(state, view.texts(state)(key))


def _show_transfer(_view: View, state: State) -> Body:
    return Body(state.draft["more" + state.draft["chosen"]])


def _line(view: View, state: State, summary: Summary) -> str:
    texts = view.texts(state)
    return f"{summary.code} {short(summary.paid)} {texts(f'account.is_{summary.status}')}"


def _details(view: View, state: State, summary: Summary) -> str:
    texts = view.texts(state)
    return texts(
        "account.transfer",
        kind=texts(f"account.kind_{summary.kind}"),
        status=texts(f"account.is_{summary.status}"),
        paid=short(summary.paid),
        receives=short(summary.receives),
        code=summary.code,
        link=_bare(view.public_url),
    )


def _bare(url: str) -> str:
    """An address as people type it."""
    return url.removeprefix("https://").removeprefix("http://").rstrip("/")


def _heard_language(view: View, state: State, reply: Reply) -> Decision:
    assert isinstance(reply, Done)
    spoken = replace(state, at="account.menu", language=state.draft["language"], draft={})
    return Stay(spoken, view.texts(spoken)("account.language_set"))


def _pin_changed(view: View, state: State) -> Decision:
    return Stay(state.fresh("account.menu"), view.texts(state)("account.pin_set"))


def _show_about(view: View, state: State) -> Body:
    return Body(view.texts(state)("account.about", link=_bare(view.public_url)))


PAGES = {
    "account.menu": Page(_show_menu, _take_menu, lambda _: "home.menu"),
    "account.pin": Page(_show_pin, _take_pin, _menu, _heard_pin),
    "account.balances": Page(_show_balances, _only_back, _menu, _heard_balances, _enter_balances),
    "account.recent": Page(_show_recent, _take_recent, _menu, _heard_recent, _enter_recent),
    "account.transfer": Page(_show_transfer, _only_back, lambda _: "account.recent"),
    "account.language": Page(show_languages, take_language, _menu, _heard_language),
    "account.about": Page(_show_about, _only_back, _menu),
    **NewPin("account", "account.menu", _pin_changed).pages(),
}
