"""Lint: nothing asynchronous inside a unit of work.

``with db.unit_of_work() as uow:`` holds a transaction open. Whoever waits for the outside world in
it holds locks for as long as the world takes. So inside such a block stand no ``await``,
``async with``, ``async for`` or asynchronous comprehension; and ``async with`` never
opens one. A function defined inside the block is another matter: it runs when it is called.

Usage: ``python scripts/lints/no_await_in_uow.py FOLDER_OR_FILE…``; prints ``file:line:column: what``
and exits 1 when it finds something, 2 when a path is missing or a file cannot be read.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

OPENERS = frozenset({"unit_of_work"})
# A body with a name of its own runs later, outside the block.
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
WAITS: dict[type[ast.AST], str] = {
    ast.Await: "await",
    ast.AsyncWith: "async with",
    ast.AsyncFor: "async for",
}


class Finding(tuple[int, int, str]):
    """Line, column (from 1) and what stands there."""

    __slots__ = ()


def findings(source: str) -> list[Finding]:
    """Every offence in a module's source, in order, each once. Raises SyntaxError."""
    found: set[Finding] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.With | ast.AsyncWith):
            continue
        place = next((number for number, item in enumerate(node.items) if _opens(item.context_expr)), None)
        if place is None:
            continue
        if isinstance(node, ast.AsyncWith):
            found.add(_finding(node, "a unit of work is opened with a plain with, never async with"))
        # Items after it are entered with the transaction already open.
        inside: list[ast.AST] = [*node.items[place + 1 :], *node.body]
        for offence, name in (pair for each in inside for pair in _waits(each)):
            found.add(_finding(offence, f"{name} inside a unit of work: a transaction is open"))
    return sorted(found)


def main(paths: Sequence[str]) -> int:
    """Check every Python file under the paths; the exit status."""
    status = 0
    for path in (Path(each) for each in paths):
        if not path.exists():
            print(f"{path}: no such file or folder", file=sys.stderr)
            return 2
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            status = max(status, _check(file))
    return status


def _check(file: Path) -> int:
    try:
        offences = findings(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as problem:
        print(f"{file}: cannot be read: {problem}", file=sys.stderr)
        return 2
    for line, column, what in offences:
        print(f"{file}:{line}:{column}: {what}")
    return 1 if offences else 0


def _opens(expression: ast.expr) -> bool:
    """Whether it is a call of ``….unit_of_work()``, also handed through ``enter_context(…)``."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if name in OPENERS:
                return True
    return False


def _waits(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Everything in the node that may hand control away, not entering functions defined there."""
    name = WAITS.get(type(node))
    if name is not None:
        yield node, name
    if isinstance(node, ast.comprehension) and node.is_async:
        yield node.target, "async for"
    if isinstance(node, SCOPES):
        return
    for child in ast.iter_child_nodes(node):
        yield from _waits(child)


def _finding(node: ast.AST, what: str) -> Finding:
    return Finding((getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, what))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["offchain", "agents"]))
