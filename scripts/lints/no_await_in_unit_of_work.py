"""Nothing is awaited inside `with db.unit_of_work()`: nobody asks the world with a transaction open."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("offchain", "agents")
WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)
INNER_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def faults(name: str, source: str) -> list[str]:
    """Each wait under an open unit of work, as ``file:line: what``."""
    return [
        f"{name}:{wait.lineno}: {type(wait).__name__.lower()} inside a unit of work"
        for block in ast.walk(ast.parse(source))
        if isinstance(block, ast.With | ast.AsyncWith) and any(map(_opens, block.items))
        for statement in block.body
        for wait in _waits(statement)
    ]


def _opens(item: ast.withitem) -> bool:
    """`with ANYTHING.unit_of_work(...)`, or a context that is named as one: `with … as uow`."""
    call = item.context_expr
    named = isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == "uow"
    return named or (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "unit_of_work"
    )


def _waits(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    if isinstance(node, INNER_FUNCTIONS):
        return  # it runs later, if at all
    if isinstance(node, WAITS):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _waits(child)


def main() -> int:
    files = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    found = [fault for file in files for fault in faults(str(file.relative_to(ROOT)), file.read_text())]
    print("\n".join(found) or f"no wait inside a unit of work in {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
