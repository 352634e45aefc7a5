"""Every screen of every menu, in every language, with the longest values: it fits, and says what to do."""

import re
from string import Formatter

import pytest

from juapesa.config import Settings
from juapesa.money import KES, NGN, Currency
from juapesa.ussd.catalogue import LANGUAGES, load_catalogues
from juapesa.ussd.gsm7 import fits, septets
from juapesa.ussd.menus import PAGES
from support.ussd_walk import every_screen, failure_slugs

LIMIT = Settings().ussd.screen_characters_max
BOTH = [(language, home) for language in LANGUAGES for home in (KES, NGN)]


@pytest.mark.parametrize(("language", "home"), BOTH)
def test_every_screen_fits(language: str, home: Currency) -> None:
    too_long = {
        (seen.at, seen.text): septets(seen.text)
        for seen in every_screen(language, home)
        if not fits(seen.text, LIMIT)
    }
    assert not too_long


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_walked(language: str) -> None:
    walked = {seen.at for seen in every_screen(language)}
    assert walked == set(PAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_open_screen_shows_the_way_back(language: str) -> None:
    for seen in every_screen(language):
        if seen.end:
            continue
        last = seen.text.splitlines()[-1]
        if seen.at in {"home.menu", "start.language"}:
            assert last.startswith("0. "), seen
        else:
            assert re.fullmatch(r"0\. \w+ 00\. \w+", last), seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_screen_shows_a_pin_or_an_open_variable(language: str) -> None:
    for seen in every_screen(language):
        assert "4826" not in seen.text
        assert "{" not in seen.text


def test_every_language_has_every_message() -> None:
    catalogues = load_catalogues()
    english = {key for key in catalogues["en"] if not key.startswith("failed.")}
    for texts in catalogues.values():
        assert {key for key in texts if not key.startswith("failed.")} == english


def test_translations_have_the_variables_of_the_original() -> None:
    catalogues = load_catalogues()
    for key in catalogues["en"]:
        for texts in catalogues.values():
            if key in texts:
                assert _variables(texts.raw(key)) == _variables(catalogues["en"].raw(key)), (
                    key,
                    texts.language,
                )


def test_every_failure_of_payments_is_told_in_every_other_language() -> None:
    catalogues = load_catalogues()
    known_by_page = {"quote-expired", "unknown-payment"}  # a page of their own tells them
    for language, texts in catalogues.items():
        if language != "en":
            missing = {slug for slug in failure_slugs() if f"failed.{slug}" not in texts}
            assert missing <= known_by_page


def test_every_message_is_gsm7() -> None:
    for texts in load_catalogues().values():
        for key in texts:
            assert septets(texts.raw(key)) is not None, (key, texts.language)


def _variables(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
