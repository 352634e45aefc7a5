"""The stories on the strict Hedera sandbox: its tokens, its mirror that lags, and its refusals."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from juapesa.demo.stories import STORIES


def told(*arguments: str) -> dict[str, Any]:
    """What `jua demo --json` says; the figures that must hold are looked at, however long it took."""
    ran = subprocess.run(
        [sys.executable, "-m", "juapesa.cli", "demo", "--json", "--network", "hedera-sandbox", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert ran.stdout, ran.stderr[-3_000:]
    assert "a mirror that lags 2 to 6 s, 2 % BUSY" in ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    assert [story for story in answer["stories"] if not story["ok"]] == []
    assert answer["chain"] == "hedera-sandbox"
    assert answer["books_balanced"] is True
    assert answer["supply_matches"] is True
    assert answer["custody_covers"] is True
    assert ", verified" in answer["anchors"]
    return answer


def test_a_send_comes_right_on_hedera() -> None:
    assert len(told("--only", "send M-Pesa")["stories"]) == 1


@pytest.mark.slow
def test_every_story_comes_right_on_hedera_in_time() -> None:
    answer = told()
    assert [story["name"] for story in answer["stories"]] == [name for name, _ in STORIES]
    assert answer["p95_confirm_to_receipt_seconds"] < 15
