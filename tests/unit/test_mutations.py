"""The mutator's faults are faults, in code only."""

import importlib.util
import sys
from pathlib import Path

FILE = Path(__file__).parents[2] / "scripts" / "audit" / "mutations.py"
SPEC = importlib.util.spec_from_file_location("mutations", FILE)
assert SPEC is not None
assert SPEC.loader is not None
mutations = importlib.util.module_from_spec(SPEC)
sys.modules["mutations"] = mutations  # a dataclass looks its module up
SPEC.loader.exec_module(mutations)

SOURCE = """
contract Example {
    // a + b stays as it is
    function sum(uint256 a, uint256 b) external nonReentrant returns (uint256) {
        if (a < b) revert TooSmall(a, "1 - 1");
        return Math.ceilDiv(a + b, f(2, 3 days));
    }
}
"""


def faulty() -> set[str]:
    return {each.described() for each in mutations.mutants(SOURCE)}


def test_each_kind_of_fault_is_made() -> None:
    assert {"<  =>  <=", "+  =>  -", "2  =>  3", "3 days  =>  (3 days + 1)"} <= faulty()
    assert "Math.ceilDiv(a + b, f(2, 3 days))  =>  ((a + b) / ( f(2, 3 days)))" in faulty()
    assert any(each.startswith("without  if (a < b) revert") for each in faulty())


def test_comments_and_strings_are_left_alone() -> None:
    for each in mutations.mutants(SOURCE):
        assert "// a + b stays as it is" in each.applied(SOURCE)
    assert not any("1 - 1" in each for each in faulty())


def test_a_mutant_changes_its_own_place_only() -> None:
    first = next(each for each in mutations.mutants(SOURCE) if each.old == "<")
    assert first.line(SOURCE) == 5
    assert first.applied(SOURCE) == SOURCE.replace("a < b", "a <= b")


def test_assembly_has_faults_of_its_own() -> None:
    source = """
        uint256 sum = add(a, b);
        assembly ("memory-safe") {
            if gt(add(mload(p), x), MOST) { break }
            mstore(p, shl(3, iszero(x))) // add(1, 2)
            why := 5
            let kept := or(a, eq(b, 1))
        }
    """
    made = {each.described() for each in mutations.mutants(source) if not each.old.isdecimal()}
    assert made == {
        "gt(add(mload(p), x), MOST)  =>  iszero(lt(add(mload(p), x), MOST))",
        "add(  =>  sub(",
        "without  if gt(add(mload(p), x), MOST) { break }",
        "without  mstore(p, shl(3, iszero(x)))",
        "shl(  =>  shr(",
        "iszero(x)  =>  x",
        "without  why := 5",
        "or(  =>  and(",
        "eq(b, 1)  =>  iszero(eq(b, 1))",
    }
    assert all("uint256 sum = add(a, b);" in each.applied(source) for each in mutations.mutants(source))
