"""First use (language, PIN twice), and the pages that set a PIN again later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from juapesa.ussd.catalogue import LANGUAGES
from juapesa.ussd.menus.page import (
    Ask,
    Body,
    Decision,
    Done,
    End,
    Go,
    NotePin,
    Page,
    PinNoted,
    PinsDiffer,
    Refused,
    Reply,
    SetLanguage,
    SetPin,
    State,
    Stay,
    View,
    is_pin,
)

_CODES = dict(zip("123456789", LANGUAGES, strict=False))


def show_languages(view: View, state: State) -> Body:
    """Asked in all languages at once: the person has not told us theirs."""
    question = " / ".join(view.catalogues[each]("pin.language") for each in LANGUAGES)
    options = tuple((key, LANGUAGES[code]) for key, code in _CODES.items())
    foot = "home.foot" if state.at.startswith("start.") else "common.foot"
    return Body(question, options, brief="", foot=foot)


def take_language(view: View, state: State, typed: str) -> Decision:
    """Store the choice."""
    if typed in _CODES:
        return Ask(state.moved(state.at, language=_CODES[typed]), SetLanguage(_CODES[typed]))
    return Stay(state, view.texts(state)("common.choose"))


def _heard_language(_view: View, state: State, reply: Reply) -> Decision:
    assert isinstance(reply, Done)
    return Go(State("start.new", state.draft["language"]))


@dataclass(frozen=True, slots=True)
class NewPin:
    """The pages ``<menu>.new`` and ``<menu>.again``, which set a PIN entered twice."""

    menu: str
    before: str
    done: Callable[[View, State], Decision]

    def pages(self) -> Mapping[str, Page]:
        """By name."""
        return {
            f"{self.menu}.new": Page(_show_new, _take_new, lambda _: self.before, self._heard_new),
            f"{self.menu}.again": Page(
                _show_again, _take_again, lambda _: f"{self.menu}.new", self._heard_again
            ),
        }

    def _heard_new(self, _view: View, state: State, reply: Reply) -> Decision:
        assert isinstance(reply, PinNoted)
        return Go(state.moved(f"{self.menu}.again", mark=reply.mark))

    def _heard_again(self, view: View, state: State, reply: Reply) -> Decision:
        texts = view.texts(state)
        match reply:
            case Done():
                return self.done(view, state)
            case PinsDiffer():
                return Stay(state.fresh(f"{self.menu}.new"), texts("pin.differ"))
            case Refused(slug, detail):
                return Stay(state.fresh(f"{self.menu}.new"), texts.failure(slug, detail))
            case _:
                raise AssertionError(f"unexpected {type(reply).__name__}")


def _show_new(view: View, state: State) -> Body:
    texts = view.texts(state)
    return Body(texts("pin.new"), brief=texts("pin.new_brief"))


def _take_new(view: View, state: State, typed: str) -> Decision:
    if not is_pin(typed):
        return Stay(state, view.texts(state)("pin.shape"))
    return Ask(state, NotePin(typed))


def _show_again(view: View, state: State) -> Body:
    return Body(view.texts(state)("pin.again"))


def _take_again(view: View, state: State, typed: str) -> Decision:
    if not is_pin(typed):
        return Stay(state, view.texts(state)("pin.shape"))
    return Ask(state, SetPin(state.draft["mark"], typed))


def _welcome(view: View, state: State) -> Decision:
    return Stay(State("home.menu", state.language, trusted=True), view.texts(state)("pin.welcome"))


def goodbye(view: View, state: State) -> End:
    """The end that a person asked for."""
    return End(state.fresh("home.menu"), view.texts(state)("home.bye", dial=view.service_code))


PAGES = {
    "start.language": Page(show_languages, take_language, lambda _: "", _heard_language),
    **NewPin("start", "start.language", _welcome).pages(),
}
