"""Translations: one TOML file a language in ``catalogues/``, read once at start.

Format: a table a menu, a line a message; ``[send] amount = "…"`` is asked for as
``send.amount``. ``{name}`` is replaced (names are those of the English message), line breaks
are real. Every language has every key of English, save ``[failed]``: its keys are the slugs of
expected failures, and a language that lacks one shows the failure's own (English) words.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files

from juapesa.ussd.gsm7 import fold

# In the order of the language menu.
LANGUAGES: Mapping[str, str] = {"en": "English", "sw": "Kiswahili"}


class Texts:
    """The messages of one language."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self._messages = messages

    def __call__(self, key: str, /, **values: str) -> str:
        """The message with its variables filled in. An unknown key is a bug."""
        return self._messages[key].format_map(values)

    def __iter__(self) -> Iterator[str]:
        """Every key."""
        return iter(self._messages)

    def __contains__(self, key: str) -> bool:
        return key in self._messages

    def raw(self, key: str) -> str:
        """The message as written, with its variables open."""
        return self._messages[key]

    def failure(self, slug: str, detail: str, /, **values: str) -> str:
        """A failure in this language; in its own words where the catalogue has none for it."""
        written = self._messages.get(f"failed.{slug}")
        return fold(detail) if written is None else written.format_map(values)


def load_catalogues() -> dict[str, Texts]:
    """Every language, by its code."""
    folder = files("juapesa.ussd") / "catalogues"
    return {
        language: Texts(language, _flat(tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))))
        for language in LANGUAGES
    }


def _flat(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {
        f"{table}.{key}": text.strip("\n") for table, lines in tables.items() for key, text in lines.items()
    }
