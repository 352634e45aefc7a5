"""The lint that keeps the outside world out of open transactions."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

LINT = Path(__file__).parents[2] / "scripts" / "lints" / "no_await_in_uow.py"

_spec = importlib.util.spec_from_file_location("no_await_in_uow", LINT)
assert _spec is not None
assert _spec.loader is not None
lint = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lint)

BAD = {
    "await": "with db.unit_of_work() as uow:\n    await rail.collect(order)",
    "deep": "with self._db.unit_of_work():\n    if x:\n        for y in z:\n            f(1, await g())",
    "async with": "with db.unit_of_work() as uow:\n    async with client:\n        pass",
    "async for": "with db.unit_of_work() as uow:\n    async for x in y:\n        pass",
    "comprehension": "with db.unit_of_work():\n    a = [x async for x in y]",
    "second item": "with db.unit_of_work() as uow, open(await name()):\n    pass",
    "not the first item": "with lock, db.unit_of_work() as uow:\n    await x",
    "nested with": "with db.unit_of_work() as uow:\n    with other:\n        await x",
    "async opener": "async with db.unit_of_work() as uow:\n    pass",
    "bare name": "with unit_of_work() as uow:\n    await x",
    "stack": "with ExitStack() as stack, stack.enter_context(db.unit_of_work()) as uow:\n    await x",
    "try": "with db.unit_of_work() as uow:\n    try:\n        pass\n    finally:\n        await x",
}
GOOD = {
    "after": "with db.unit_of_work() as uow:\n    read(uow)\nawait rail.collect(order)",
    "before": "x = await y\nwith db.unit_of_work() as uow:\n    pass",
    "thread": "await asyncio.to_thread(work)",
    "first item": "with manager(await x), db.unit_of_work() as uow:\n    pass",
    "another with": "with other() as uow:\n    await x",
    "async with of something else": "async with client:\n    await x",
    "function inside": "with db.unit_of_work() as uow:\n    async def later():\n        await x",
    "in a function": "def work():\n    with db.unit_of_work() as uow:\n        pass\nawait run(work)",
}


def module(body: str) -> str:
    return "async def f():\n" + indent(dedent(body), "    ") + "\n"


@pytest.mark.parametrize("name", BAD)
def test_waiting_inside_a_unit_of_work_is_found(name: str) -> None:
    assert len(lint.findings(module(BAD[name]))) == 1


@pytest.mark.parametrize("name", GOOD)
def test_waiting_elsewhere_is_not(name: str) -> None:
    assert lint.findings(module(GOOD[name])) == []


def test_units_inside_units_are_reported_once_each_place() -> None:
    body = "with a.unit_of_work():\n    with b.unit_of_work():\n        await x\n        await y"
    assert [line for line, _, _ in lint.findings(module(body))] == [4, 5]


def run(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, LINT, *paths], capture_output=True, text=True, check=False)


def test_the_command_names_file_and_line_and_fails(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "bad.py"
    file.write_text(module(BAD["await"]))
    (tmp_path / "good.py").write_text(module(GOOD["after"]))
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{file}:3:9: await inside a unit of work")
    assert run(tmp_path / "good.py").returncode == 0


def test_a_missing_path_or_a_broken_file_is_not_a_pass(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere").returncode == 2
    (tmp_path / "broken.py").write_text("def (")
    assert run(tmp_path).returncode == 2


def test_our_own_code_is_clean() -> None:
    root = LINT.parents[2]
    assert run(root / "offchain", root / "agents").stdout == ""
