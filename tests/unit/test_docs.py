"""What the guides tell a reader to run, open or look at is there."""

import functools
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from juapesa.cli._topics import find_topics

REPOSITORY = Path(__file__).parents[2]
GUIDES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("audits/*.md")])
NAMED = [str(each.relative_to(REPOSITORY)) for each in GUIDES]

# In code only: between backticks on a line, or a line of its own in a block.
_COMMAND = re.compile(
    r"`(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?jua ([^`]+)`|^(?:\.venv/bin/)?jua ([^#\n]+)", re.MULTILINE
)
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")
_FILE = re.compile(r"`((?:offchain|agents|contracts|tests|scripts|docs|audits|deployments)/[\w./-]+)`")


def commands(text: str) -> Iterator[list[str]]:
    for found in _COMMAND.finditer(text):
        line = (found[1] or found[2]).replace("[", " ").replace("]", " ").replace("…", " ")
        yield shlex.split(line)


TOPICS = find_topics()


@functools.cache
def tree(topic: str) -> Any:
    """The command behind `jua TOPIC`, as the parser has it. Raises KeyError."""
    found = TOPICS[topic]
    loaded = getattr(importlib.import_module(found.module), found.attribute)
    if isinstance(loaded, typer.Typer):
        return get_command(loaded)
    app = typer.Typer(add_completion=False)
    app.command()(loaded)
    return get_command(app)


def fault_of(words: list[str]) -> str | None:
    """What is wrong with a command that a guide names; None when nothing is."""
    topic, *rest = words
    if topic.startswith("-") or topic.isupper():  # `jua --help`, `jua COMMAND`
        return None
    topic = re.split(r"[,|]", topic)[0]
    if topic not in TOPICS:
        return f"there is no `jua {topic}`"
    command = tree(topic)
    while rest and hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z,|-]*", rest[0]):
        names = [each for each in re.split(r"[,|]", rest[0]) if each]
        missing = [each for each in names if each not in command.commands]
        if missing:
            return f"`jua {topic}` has no {missing[0]}"
        command, rest = command.commands[names[0]], rest[1:]
    options = {option for each in command.params for option in each.opts} | {"--help"}
    named = [each.partition("=")[0].rstrip(",;") for each in rest if each.startswith("--")]
    unknown = [each for each in named if each not in options]
    return f"`jua {' '.join(words[:2])}` has no {unknown[0]}" if unknown else None


@pytest.mark.parametrize("guide", NAMED)
def test_every_command_that_a_guide_names_is_there_with_its_options(guide: str) -> None:
    faults = [fault for words in commands((REPOSITORY / guide).read_text()) if (fault := fault_of(words))]
    assert faults == []


@pytest.mark.parametrize("guide", NAMED)
def test_every_link_and_every_file_that_a_guide_names_is_there(guide: str) -> None:
    text = (REPOSITORY / guide).read_text()
    missing = [link for link in _LINK.findall(text) if not ((REPOSITORY / guide).parent / link).exists()]
    missing += [file for file in _FILE.findall(text) if not (REPOSITORY / file.rstrip(".")).exists()]
    assert missing == []


@pytest.mark.parametrize(
    "wrong", ["jua nowhere", "jua ledger mend", "jua pay release CODE --by NAME", "jua doctor --quick"]
)
def test_a_command_that_is_not_there_is_noticed(wrong: str) -> None:
    [words] = commands(f"Run `{wrong}` now.")
    assert fault_of(words) is not None
