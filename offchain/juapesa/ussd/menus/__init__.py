"""The menus as one pure state machine.

``step(view, state, event)`` answers with a screen to show, or with a question to a desk; the
desk's reply is the next event. A caller loops until there is a screen.
"""

from dataclasses import dataclass

from juapesa.ussd.gsm7 import fold
from juapesa.ussd.menus import account, convert, home, pin, receive, send
from juapesa.ussd.menus.home import resumable
from juapesa.ussd.menus.page import (
    BACK,
    HOME,
    Ask,
    Body,
    Decision,
    Dialled,
    End,
    Go,
    Page,
    Reply,
    Screen,
    State,
    Stay,
    Typed,
    View,
)

__all__ = ["PAGES", "Show", "resumable", "start", "step"]

PAGES: dict[str, Page] = {
    **home.PAGES,
    **pin.PAGES,
    **send.PAGES,
    **receive.PAGES,
    **convert.PAGES,
    **account.PAGES,
}


@dataclass(frozen=True, slots=True)
class Show:
    """A screen, and where the person stands now."""

    state: State
    screen: Screen


def start(language: str, earlier: State | None) -> State:
    """The state of a new session; ``earlier`` is what an unfinished one left, if that was lately."""
    if earlier is not None and resumable(earlier):
        return State("home.resume", language, unfinished={**earlier.draft, "at": earlier.at})
    if earlier is not None and earlier.at == "home.resume":  # the line was lost again before the answer
        return State("home.resume", language, unfinished=earlier.unfinished)
    return State("home.menu", language)


def step(view: View, state: State, event: Dialled | Typed | Reply) -> Show | Ask:
    """One move. Pure: the same arguments give the same answer."""
    return _settle(view, _decide(view, state, event))


def _decide(view: View, state: State, event: Dialled | Typed | Reply) -> Decision:
    match event:
        case Dialled(has_pin):
            return Go(state if has_pin else state.fresh("start.language"))
        case Typed(text):
            return _typed(view, state, text.strip())
        case _:
            return PAGES[state.at].heard(view, state, event)


def _typed(view: View, state: State, text: str) -> Decision:
    if text == HOME:
        first_use = state.at.startswith("start.")
        return Go(
            State("start.language" if first_use else "home.menu", state.language, trusted=state.trusted)
        )
    if text != BACK:
        return PAGES[state.at].take(view, state, text)
    before = PAGES[state.at].back(state)
    return Go(state.moved(before)) if before else pin.goodbye(view, state)


def _settle(view: View, decision: Decision) -> Show | Ask:
    match decision:
        case Ask():
            return decision
        case End(state, text):
            return Show(state, Screen(fold(text), end=True))
        case Stay(state, notice):
            return Show(state, _screen(view, state, notice))
        case Go(state):
            enter = PAGES[state.at].enter
            return _settle(view, enter(view, state)) if enter else Show(state, _screen(view, state, ""))


def _screen(view: View, state: State, notice: str) -> Screen:
    body = PAGES[state.at].show(view, state)
    return Screen(fold(_laid_out(view, state, body, notice)), end=False, options=body.options)


def _laid_out(view: View, state: State, body: Body, notice: str) -> str:
    text = body.text if not notice or body.brief is None else body.brief
    lines = [notice, text, *(f"{key}. {label}" for key, label in body.options), view.texts(state)(body.foot)]
    return "\n".join(line for line in lines if line)
