"""`jua demo --json`: every canonical story, told by a house of its own."""

import json
import os
import subprocess
import sys

from juapesa.demo.stories import STORIES


def test_every_story_comes_out_right_and_everything_agrees() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "juapesa.cli", "demo", "--json"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3_000:]
    answer = json.loads(told.stdout)  # one object and nothing else
    assert [story["name"] for story in answer["stories"]] == [name for name, _ in STORIES]
    assert [story["name"] for story in answer["stories"] if not story["ok"]] == []
    assert answer["books_balanced"] is True
    assert answer["supply_matches"] is True
    assert answer["custody_covers"] is True
    assert 0 < answer["p50_confirm_to_receipt_seconds"] <= answer["p95_confirm_to_receipt_seconds"]
    assert answer["failed_share"] == 0
