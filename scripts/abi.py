"""Write the ABI files that Python reads, from forge's output.

``python scripts/abi.py`` after ``forge build``; ``--check`` only says whether they are the same.
The files hold the ABI and nothing else, so that long-running processes need neither forge's
output nor the compiler.
"""

import argparse
import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FORGE_OUT = REPOSITORY / "out"
ABI_DIR = REPOSITORY / "offchain" / "juapesa" / "chain" / "abi"
CONTRACTS = ("AttestationRegistry", "Governance", "LocalToken", "Pools", "Router", "TestUSDC")


def compact_abi(contract: str, forge_out: Path = FORGE_OUT) -> str:
    """The contract's ABI as one canonical line of JSON."""
    artifact = json.loads((forge_out / f"{contract}.sol" / f"{contract}.json").read_text())
    return json.dumps(artifact["abi"], sort_keys=True, separators=(",", ":")) + "\n"


def different(forge_out: Path = FORGE_OUT, abi_dir: Path = ABI_DIR) -> list[str]:
    """Names of contracts whose file is missing or says something else than forge."""
    files = {name: abi_dir / f"{name}.json" for name in CONTRACTS}
    return [
        name
        for name, file in files.items()
        if not file.exists() or file.read_text() != compact_abi(name, forge_out)
    ]


def main() -> int:
    """Entry point; the exit code of ``--check`` is 1 when a file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        stale = different()
        sys.stderr.write("".join(f"{name}: run scripts/abi.py\n" for name in stale))
        return 1 if stale else 0
    ABI_DIR.mkdir(parents=True, exist_ok=True)
    for name in CONTRACTS:
        (ABI_DIR / f"{name}.json").write_text(compact_abi(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
