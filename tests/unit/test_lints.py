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


def test_a_lock_that_names_a_mirror_is_found() -> None:
    lint = a_lint("lock_has_no_hosts")
    assert lint.faults("package-lock.json", '"resolved": "x"')
    assert lint.faults("requirements.lock", "--index-url https://mirror.example/simple")
    assert lint.faults(".npmrc", "registry=https://mirror.example")
    assert lint.faults("requirements.lock", "httpx==0.28.1 \\\n    --hash=sha256:00") == []
