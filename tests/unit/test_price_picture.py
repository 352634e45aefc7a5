"""The picture in the providers' guide is what the exact model says."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "price_picture.py"


def test_the_picture_is_what_the_model_draws() -> None:
    script = runpy.run_path(str(SCRIPT))
    assert script["PICTURE"].read_text() == script["drawn"](), f"run {SCRIPT.name} again"


def test_selling_into_a_tilted_pool_gets_less_and_bringing_it_back_gets_more() -> None:
    script = runpy.run_path(str(SCRIPT))
    sold, bought = dict(script["gains_ppm"](sell=True)), dict(script["gains_ppm"](sell=False))
    assert list(sold.values()) == sorted(sold.values(), reverse=True)
    assert list(bought.values()) == sorted(bought.values())
    assert sold[50] < 0
    assert bought[50] < 0
    assert bought[80] > 0 > sold[80]
