"""A file of source that has outgrown one reason to exist."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 450
EXEMPT = "db/migrations/versions/"  # a context's whole schema reads best in one piece
PATTERNS = ("*.py", "*.sol", "*.html", "*.js", "*.cjs", "*.sh")


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PATTERNS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split("\0")
    files = [ROOT / name for name in names if name and EXEMPT not in name and (ROOT / name).is_file()]
    lengths = ((file, len(file.read_text().splitlines())) for file in files)
    long = [
        f"{file.relative_to(ROOT)}: {lines} lines, over {LINES_MAX}"
        for file, lines in lengths
        if lines > LINES_MAX
    ]
    print("\n".join(long) or f"{len(files)} files, none over {LINES_MAX} lines")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
