"""The lints find what they are for, and nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

LINTS = Path(__file__).parents[2] / "scripts" / "lints"


def a_lint(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, LINTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_await_under_an_open_unit_of_work_is_found_however_deep() -> None:
    source = """
async def wrong():
    with db.unit_of_work() as uow:
        if uow.one("x"):
            answer = await rail.collect(order)
"""
    assert a_lint("no_await_in_unit_of_work").faults("a.py", source) == [
        "a.py:5: await inside a unit of work"
    ]


def test_waiting_after_the_unit_of_work_is_fine() -> None:
    source = """
async def right():
    with db.unit_of_work() as uow:
        order = uow.one("x")
    return await rail.collect(order)
"""
    assert a_lint("no_await_in_unit_of_work").faults("a.py", source) == []


def test_a_lock_that_names_a_mirror_is_found() -> None:
    lint = a_lint("lock_has_no_hosts")
    assert lint.faults("package-lock.json", '"resolved": "x"')
    assert lint.faults("requirements.lock", "--index-url https://mirror.example/simple")
    assert lint.faults(".npmrc", "registry=https://mirror.example")
    assert lint.faults("requirements.lock", "httpx==0.28.1 \\\n    --hash=sha256:00") == []
