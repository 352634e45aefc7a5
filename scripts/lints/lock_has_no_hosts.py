"""No lock or set-up file names a host that packages are downloaded from.

Locks hold names, versions and hashes; where the packages come from is the business of whoever
installs them (a mirror, a cache, a company's own index).
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "requirements.lock",
    "requirements-setup.lock",
    "scripts/audit/requirements.lock",
    "package-lock.json",
    "package.json",
    "pyproject.toml",
    ".npmrc",
    "foundry.toml",
    "ape-config.yaml",
    "scripts/setup.sh",
    "scripts/up",
    "scripts/test",
    ".ci/run",
)
HOST = re.compile(
    r"https?://(?!127\.0\.0\.1|localhost)"  # a download host; loopback is ours
    r"|\"resolved\""
    r"|^\s*(registry|index-url|extra-index-url|find-links)\s*="
    r"|--(extra-)?index-url[ =]|--find-links[ =]|--registry[ =]",
    re.MULTILINE,
)
FUNDING = re.compile(r'\s*"url": ')  # npm's word of whom to thank


def faults(name: str, text: str) -> list[str]:
    """Each line of a file that names a host or says where to download from."""
    return [
        f"{name}:{number}: names where packages come from: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), 1)
        if HOST.search(line) and not FUNDING.match(line)
    ]


def main() -> int:
    found = [
        fault for name in FILES if (ROOT / name).exists() for fault in faults(name, (ROOT / name).read_text())
    ]
    print("\n".join(found) or "no lock names a host")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
