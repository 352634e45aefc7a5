"""Topics of the command line: the public modules beside this one with an `app` or a function of their name.

The name of a command is the module's name, its line of help the first line of the module's
docstring. Both are read from the source without importing it, so that `jua --help` is quick
and a command loads only what it needs.
"""

import ast
import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = __name__.rpartition(".")[0]
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Topic:
    """One command: where it lives and what it says about itself."""

    name: str
    help: str
    module: str
    attribute: str  # a `typer.Typer`, or a function that becomes a command

    def run(self, arguments: list[str]) -> int:
        """Load it and run it; the exit status."""
        import typer  # noqa: PLC0415 - not needed for the overview

        found: typer.Typer | Callable[..., Any] = getattr(
            importlib.import_module(self.module), self.attribute
        )
        if isinstance(found, typer.Typer):
            app = found
        else:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command()(found)
        status = _invoke(app, arguments, f"jua {self.name}")
        return status if isinstance(status, int) else 0


def _invoke(app: Any, arguments: list[str], program: str) -> Any:
    """Parse and run; usage errors print themselves with status 2, the rest is raised to the caller."""
    from typer import Abort, Exit, main  # noqa: PLC0415

    command = main.get_command(app)
    try:
        return command.main(args=arguments, prog_name=program, standalone_mode=False)
    except Exit as ended:
        return ended.exit_code
    except Abort:
        return 130
    except Exception as problem:
        show = getattr(problem, "show", None)  # the parser's own usage errors
        if show is None:
            raise
        show()
        return getattr(problem, "exit_code", 2)


def find_topics() -> dict[str, Topic]:
    """Every topic by its command's name, in alphabetical order."""
    found = (_read(info) for info in pkgutil.iter_modules([str(FOLDER)]) if not info.name.startswith("_"))
    return {topic.name: topic for topic in found if topic is not None}


def _read(info: pkgutil.ModuleInfo) -> Topic | None:
    source = FOLDER / info.name / "__init__.py" if info.ispkg else FOLDER / f"{info.name}.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = _public_names(tree)
    attribute = "app" if "app" in names else info.name
    if attribute not in names:
        return None  # a helper, not a command
    first_line = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Topic(info.name.replace("_", "-"), _help(first_line), f"{PACKAGE}.{info.name}", attribute)


def _help(first_line: str) -> str:
    """The line without a "`jua topic`:" in front of it."""
    if first_line.startswith("`jua "):
        first_line = first_line.partition("`: ")[2] or first_line
    return first_line[:1].upper() + first_line[1:]


def _public_names(tree: ast.Module) -> set[str]:
    """What the module's top level defines or imports by name."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case _:
                pass
    return names


def unknown_topic(name: str, topics: dict[str, Topic]) -> str:
    """What to say when there is no such command."""
    close = difflib.get_close_matches(name, topics, n=1)
    hint = f"Did you mean `jua {close[0]}`?" if close else "`jua --help` lists what there is."
    return f"jua: there is no command '{name}'. {hint}"
