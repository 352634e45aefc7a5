"""Write the files that Python reads of the contracts, from forge's output.

``python scripts/abi.py`` after ``forge build``; ``--check`` only says whether they are the same.
Ours are an ABI and nothing else, so that long-running processes need neither forge's output nor the
compiler. The sandbox's system contracts are the code that is etched, and their functions' selectors.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
FORGE_OUT = REPOSITORY / "out"
ABI_DIR = REPOSITORY / "offchain" / "juapesa" / "chain" / "abi"
CONTRACTS = (
    "AttestationRegistry",
    "Governance",
    "LocalToken",
    "Pools",
    "PoolsDesk",
    "Router",
    "TestUSDC",
)
ETCHED_DIR = REPOSITORY / "offchain" / "juapesa" / "sandbox" / "hedera" / "system_contracts" / "etched"
ETCHED = ("AccountService", "ExchangeRate", "HtsSystemContract", "Prng", "ScheduleService", "TokenFacade")
ETCHED_INTERFACES = ("IHederaTokenService", "IHtsNetwork")


def built(contract: str, forge_out: Path) -> dict[str, Any]:
    """What forge wrote about a contract."""
    artifact: dict[str, Any] = json.loads((forge_out / f"{contract}.sol" / f"{contract}.json").read_text())
    return artifact


def compact(content: object) -> str:
    """One canonical line of JSON."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n"


def wanted(
    forge_out: Path = FORGE_OUT, abi_dir: Path = ABI_DIR, etched_dir: Path = ETCHED_DIR
) -> dict[Path, str]:
    """Every file and what belongs in it."""
    abis = {abi_dir / f"{name}.json": built(name, forge_out)["abi"] for name in CONTRACTS}
    etched = {
        etched_dir / f"{name}.json": built(name, forge_out)["deployedBytecode"]["object"] for name in ETCHED
    }
    selectors = {
        etched_dir / f"{name}.json": built(name, forge_out)["methodIdentifiers"] for name in ETCHED_INTERFACES
    }
    return {file: compact(content) for file, content in {**abis, **etched, **selectors}.items()}


def different(
    forge_out: Path = FORGE_OUT, abi_dir: Path = ABI_DIR, etched_dir: Path = ETCHED_DIR
) -> list[str]:
    """Names of contracts whose file is missing or says something else than forge."""
    files = wanted(forge_out, abi_dir, etched_dir)
    return [file.stem for file, text in files.items() if not file.exists() or file.read_text() != text]


def main() -> int:
    """Entry point; the exit code of ``--check`` is 1 when a file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        stale = different()
        sys.stderr.write("".join(f"{name}: run scripts/abi.py\n" for name in stale))
        return 1 if stale else 0
    for file, text in wanted().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
