"""`jua` called as a command, in this process."""

import pytest

from juapesa.cli import main


def status_of(arguments: list[str]) -> int:
    """The exit status."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)
