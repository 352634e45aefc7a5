"""What the fork server becomes in tests: says what it was told, then ends or stays as it was told."""

import os
import sys
import time


def main(how: str) -> None:
    print(f"{how} {os.environ.get('FORKED_WORD', '')} child of {os.getppid()}", flush=True)
    if how == "fail":
        sys.exit(3)
    if how == "crash":
        raise RuntimeError("the reason is written here")
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1])
