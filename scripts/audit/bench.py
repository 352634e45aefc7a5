"""A copy of the project that faults are put into, compiled once.

A fault is compiled alone, by a compiler that stays loaded, and its bytes take the place of the sound ones in
the artifacts that the tests deploy: a second or two, where forge compiles every test that names the contract.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import GAS_TESTS, ONE_PROFILE

from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

INVARIANTS = "Invariant"
# Fewer than foundry.toml's: a fault is noticed by the first draws or hardly at all.
DRAWS = {"FOUNDRY_FUZZ_RUNS": "48", "FOUNDRY_INVARIANT_RUNS": "1"}
BUILD_SECONDS = 1800
_IMPORT = re.compile(r'^import\s[^;]*?"([^"]+)"', re.MULTILINE)
_DECLARED = re.compile(r"^(?:abstract )?(?:contract|library) (\w+)", re.MULTILINE)
_CONTRACT = re.compile(r"^(?:contract|library) (\w+)", re.MULTILINE)
_SILENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL)


@dataclass(slots=True)
class Compiler:
    """solc, loaded once: standard JSON in, standard JSON out."""

    process: subprocess.Popen[str]

    @classmethod
    def started(cls, folder: Path) -> "Compiler":
        """A compiler that finds imports under a folder."""
        command = [str(folder / "scripts" / "solc" / "solc"), "--serve", "--base-path", str(folder)]
        environment = os.environ | {"PATH": tools_path(os.environ["PATH"])}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return cls(process)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What solc says to a request."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the compiler has no pipes")
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


@dataclass
class Bench:
    """The copy, globs of each file's tests (each next list is asked about what those before let live), and
    the longest time for a list's tests of one fault."""

    folder: Path
    rounds: dict[str, list[list[str]]]
    seconds: int
    quick: bool  # without the invariant suites
    compiler: Compiler
    sound: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def made(cls, rounds: dict[str, list[list[str]]], seconds: int, folder: Path, *, quick: bool) -> "Bench":
        """The sources as they are now, links to what never changes, and what forge built there before."""
        for part in ("contracts", "tests", "scripts"):
            shutil.rmtree(folder / part, ignore_errors=True)
        for part in ("contracts", "tests/contracts"):
            shutil.copytree(REPOSITORY / part, folder / part)
        shutil.copy(REPOSITORY / "foundry.toml", folder)
        (folder / "scripts").mkdir()
        (folder / "scripts" / "solc").symlink_to(REPOSITORY / "scripts" / "solc")
        (folder / "node_modules").unlink(missing_ok=True)
        (folder / "node_modules").symlink_to((REPOSITORY / "node_modules").resolve())
        return cls(folder, rounds, seconds, quick, Compiler.started(folder))

    # --- running ----------------------------------------------------------------------------------------

    def sound_passes(self) -> bool:
        """Compile all and run the tests without a fault; our compiler's bytes must be forge's."""
        every = sorted({glob for rounds in self.rounds.values() for globs in rounds for glob in globs})
        # All, once: what a cache lacks, forge would compile again for each run of a few tests.
        built = subprocess.run(
            [str(evm_tool("forge")), "build", "--root", str(self.folder)],
            env=self._environment(),
            check=False,
        )
        selection = ("--no-match-contract", INVARIANTS) if self.quick else ()
        if built.returncode != 0 or self._tested(every, BUILD_SECONDS, *selection) != "survived":
            return False
        asked = [(file, tuple(globs)) for file, rounds in self.rounds.items() for globs in rounds]
        units = sorted({unit for file, globs in asked for unit in self.affected(file, globs)})
        self.sound = self.compiled(units, {}) or {}
        for path, code in self.sound.items():
            if _code(path) != code:
                # A run that was killed left its fault there.
                raise RuntimeError(f"{path.name} is not what forge compiles: remove {self.folder}")
        return True

    def verdict(self, file: str, source: str) -> str:
        """``killed``, ``void`` (does not compile), ``same`` (the same bytes), ``slow`` (by the clock) or
        ``survived``."""
        told = "same"
        placed: set[Path] = set()
        try:
            for globs in self.rounds[file]:
                codes = self.compiled(self.affected(file, tuple(globs)), {file: source})
                if codes is None:
                    return "void"
                changed = {path: code for path, code in codes.items() if code != self.sound[path]}
                for path, code in changed.items():
                    placed.add(path)
                    _put(path, code)
                told = self._told(globs) if changed else told
                if told in ("killed", "slow"):
                    break
            return told
        finally:
            for path in placed:
                _put(path, self.sound[path])

    def _told(self, globs: list[str]) -> str:
        told = self._tested(globs, self.seconds, "--no-match-contract", INVARIANTS)
        if told != "survived" or self.quick:
            return told
        return self._tested(globs, self.seconds, "--match-contract", INVARIANTS)

    @staticmethod
    def _environment() -> dict[str, str]:
        plain = {"FOUNDRY_OPTIMIZER": "false", "NO_COLOR": "1", "PATH": tools_path(os.environ["PATH"])}
        return os.environ | ONE_PROFILE | DRAWS | plain

    def _tested(self, globs: list[str], seconds: int, *selection: str) -> str:
        command = [str(evm_tool("forge")), "test", "--fail-fast", "--root", str(self.folder)]
        command += ["--match-path", f"{{{','.join(globs)}}}", *selection]
        command += ["--no-match-test", GAS_TESTS]
        process = subprocess.Popen(
            command,
            env=self._environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return "slow"
        if process.returncode == 0 or "No tests match" in output:
            return "survived"
        if "Suite result: FAILED" not in output:
            raise RuntimeError(output[-4000:])
        return "killed"

    # --- compiling --------------------------------------------------------------------------------------

    def compiled(self, units: list[str], faulty: dict[str, str]) -> dict[Path, str] | None:
        """The creation code of each artifact of these files that the tests use, the faulty texts in the place
        of the sound; None when it does not compile."""
        if not units:
            return {}
        wanted = {unit: {"*": ["evm.bytecode.object"]} for unit in units}
        texts = {unit: self.sources[unit] for unit in self._closure(set(units))} | faulty
        request = {
            "language": "Solidity",
            "sources": {unit: {"content": text} for unit, text in texts.items()},
            "settings": self.settings | {"outputSelection": wanted},
        }
        answer = self.compiler.answer(request)
        if any(error["severity"] == "error" for error in answer.get("errors", ())):
            return None
        return dict(self._codes(answer["contracts"]))

    def _codes(self, contracts: dict[str, dict[str, Any]]) -> Iterator[tuple[Path, str]]:
        for unit, named in contracts.items():
            for name, made in named.items():
                path = self.folder / "out" / Path(unit).name / f"{name}.json"
                if made["evm"]["bytecode"]["object"] and path.exists():
                    yield path, "0x" + made["evm"]["bytecode"]["object"]

    def affected(self, file: str, globs: tuple[str, ...]) -> list[str]:
        """Files whose contracts a fault in `file` gets into and these tests use."""
        touched = {unit for unit in self.sources if file in self._closure({unit})}
        ours = {unit for unit in touched if unit.startswith("contracts/")}
        names = {name for unit in ours for name in _DECLARED.findall(self.sources[unit])}
        asked = {unit for unit in self.sources if any(fnmatchcase(unit, glob) for glob in globs)}
        tests = self._closure(asked)
        tests = {unit for unit in tests if unit.startswith("tests/")}
        inside = {unit for unit in tests & touched if _uses(self.sources[unit], names)}
        holding = {unit for unit in tests if inside & self._closure({unit})}
        text = "\n".join(self.sources[unit] for unit in tests)
        deployed = {
            unit
            for unit in ours
            if any(re.search(rf"\b{name}\b", text) for name in _CONTRACT.findall(self.sources[unit]))
        }
        return sorted(holding | deployed)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """As foundry.toml has them, without the optimiser."""
        profile = tomllib.loads((self.folder / "foundry.toml").read_text())["profile"]["default"]
        return {
            "remappings": profile["remappings"],
            "optimizer": {"enabled": False, "runs": profile["optimizer_runs"]},
            "evmVersion": profile["evm_version"],
            "viaIR": profile["via_ir"],
            "metadata": {"bytecodeHash": profile["bytecode_hash"], "appendCBOR": profile["cbor_metadata"]},
        }

    @cached_property
    def sources(self) -> dict[str, str]:
        """Our own files by unit name; a library's are read by the compiler."""
        found = [*self.folder.glob("contracts/**/*.sol"), *self.folder.glob("tests/**/*.sol")]
        return {str(path.relative_to(self.folder)): path.read_text() for path in found}

    def _closure(self, units: set[str]) -> set[str]:
        """The files and all that they import, ours only."""
        known: set[str] = set()
        waiting = set(units)
        while waiting:
            unit = waiting.pop()
            known.add(unit)
            waiting |= self._imports[unit] - known
        return known

    @cached_property
    def _imports(self) -> dict[str, set[str]]:
        def named(unit: str) -> Iterator[str]:
            for name in _IMPORT.findall(self.sources[unit]):
                if name.startswith("."):
                    yield os.path.normpath(Path(unit).parent / name)

        return {unit: {name for name in named(unit) if name in self.sources} for unit in self.sources}


def _uses(text: str, names: set[str]) -> bool:
    """Whether a test has some of these contracts' code inside it, not only their types or their artifacts'
    names."""
    any_of = "|".join(sorted(names))
    inside = rf"\b(?:new|using) (?:{any_of})\b|\b(?:{any_of})\.[a-z]|\bis\b[^;{{]*\b(?:{any_of})\b"
    return bool(re.search(inside, _SILENT.sub("", text)))


def _code(path: Path) -> str:
    code: str = json.loads(path.read_text())["bytecode"]["object"]
    return code


def _put(path: Path, code: str) -> None:
    artifact = json.loads(path.read_text())
    artifact["bytecode"]["object"] = code
    path.write_text(json.dumps(artifact))
