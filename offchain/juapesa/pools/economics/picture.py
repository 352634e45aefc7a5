"""The comparison as one SVG: readable on a phone, in light and in dark.

Above, what people pay and how many are refused, a row for each month and venue; below, the providers' money
against holding it, day by day, in the month of the fall.
"""

from collections.abc import Sequence
from html import escape

from juapesa.pools.economics.month import Result
from juapesa.pools.economics.report import bps, percent

WIDTH = 400
LEFT, RIGHT = 96, 372
ROW, GAP = 15, 12
CHART_HEIGHT = 170
COST_MOST_PPM = 15_000  # the bars' right end
COLOURS = ("ours", "sum", "product")
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #222; } .title { font-weight: 600; font-size: 13px; }
  .quiet { fill: #666; } .axis { stroke: #bbb; } .end { text-anchor: end; }
  .ours { --c: #0b7a4b; } .sum { --c: #b5540f; } .product { --c: #3a5fc8; }
  rect.ours, rect.sum, rect.product, text.key { fill: var(--c); }
  polyline { fill: none; stroke: var(--c); stroke-width: 2; }
  .paper { fill: #fff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #eee; } .quiet { fill: #aaa; } .axis { stroke: #555; } .paper { fill: #14181c; }
    .ours { --c: #4fd69c; } .sum { --c: #f0a05a; } .product { --c: #8fb0ff; }
  }
"""


def drawn(results: Sequence[Result]) -> str:
    """The SVG's text."""
    bars, below = _bars(results)
    fallen = [each for each in results if each.lp_shock_ppm is not None]
    lines, height = _lines(fallen, below + 2 * GAP) if fallen else ([], below)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + GAP}" role="img" '
        f'aria-label="What exchanging costs, how many are refused and what providers keep">'
    )
    paper = f'<rect class="paper" width="{WIDTH}" height="{height + GAP}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *bars, *lines, "</svg>", ""])


def _bars(results: Sequence[Result]) -> tuple[list[str], int]:
    """A bar for the median cost and a whisker to the 95th of a hundred; refusals in words."""
    parts = [_text(8, 20, "What exchanging costs (median; thin to 95 %)", "title")]
    top = 32
    for name in dict.fromkeys(each.scenario for each in results):
        parts.append(_text(8, top + 12, name))
        for result in (each for each in results if each.scenario == name):
            parts += _bar(result, top, COLOURS[_venues(results).index(result.venue)])
            top += ROW
        top += GAP
    keys = zip(_venues(results), COLOURS, strict=False)
    parts += [
        _text(8 + at * 130, top + 10, f"■ {venue}", f"key {colour}")
        for at, (venue, colour) in enumerate(keys)
    ]
    return parts, top + 18


def _bar(result: Result, top: int, colour: str) -> list[str]:
    median, high = _across(result.cost_median_ppm), _across(result.cost_p95_ppm)
    refused = f", {percent(result.refused_ppm)} refused" if result.refused else ""
    words = bps(result.cost_median_ppm) + refused
    return [
        f'<rect class="{colour}" x="{LEFT}" y="{top + 3}" width="{median}" height="{ROW - 6}"/>',
        f'<rect class="{colour}" x="{LEFT}" y="{top + 7}" width="{high}" height="1"/>',
        _text(LEFT + max(median, high) + 5, top + 12, words, "quiet"),
    ]


def _across(ppm: int) -> int:
    return min(max(ppm, 0), COST_MOST_PPM) * (RIGHT - LEFT - 110) // COST_MOST_PPM


def _lines(fallen: Sequence[Result], top: int) -> tuple[list[str], int]:
    """A line for each venue; the axis spans what there is to show."""
    shown = [ppm for each in fallen for ppm in each.days_against_holding_ppm]
    low, high = min(*shown, 0), max(*shown, 0)
    floor = top + 20 + CHART_HEIGHT

    def height(ppm: int) -> int:
        return floor - (ppm - low) * CHART_HEIGHT // max(high - low, 1)

    parts = [
        _text(8, top + 8, "Providers against holding, month with a fall of 20 %", "title"),
        f'<line class="axis" x1="{LEFT - 30}" x2="{RIGHT}" y1="{height(0)}" y2="{height(0)}"/>',
    ]
    levels = {ppm: percent(ppm) for ppm in (low, 0, high)}
    parts += [_text(LEFT - 36, height(ppm) + 4, words, "quiet end") for ppm, words in levels.items()]
    for result, colour in zip(fallen, COLOURS, strict=False):
        days = result.days_against_holding_ppm
        points = " ".join(
            f"{LEFT - 30 + (RIGHT - LEFT + 30) * (day + 1) // len(days)},{height(ppm)}"
            for day, ppm in enumerate(days)
        )
        parts.append(f'<polyline class="{colour}" points="{LEFT - 30},{height(0)} {points}"/>')
    return [
        *parts,
        _text(RIGHT, floor + 14, f"day {len(fallen[0].days_against_holding_ppm)}", "quiet end"),
    ], (floor + 20)


def _venues(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(each.venue for each in results))


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
