"""Pools, positions and plans as JSON and as lines for people."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from juapesa.money import USDC, Money
from juapesa.pools.exact_model import E18, PPM, Pool, Refusal
from juapesa.pools.liquidity import PoolView, Position
from juapesa.pools.routes import Quoted
from juapesa.pools.shares import TERM_DAYS, VIRTUAL, WEIGHTS_PERCENT

TERMS = [
    {"term": term, "days": days, "weight_percent": weight}
    for term, (days, weight) in enumerate(zip(TERM_DAYS, WEIGHTS_PERCENT, strict=True))
]


def pool_json(view: PoolView) -> dict[str, Any]:
    """A pool at its block, by the kept price. Amounts are plain decimals, shares of a whole millionths."""
    pool, kept = view.pool(), view.state.kept
    levels, (worth, excess_e6) = pool.levels, pool.balance()
    return {
        "token": view.token.code,
        "block": view.block.number,
        "price_usdc": decimal(kept.mid_e18, 18),
        "price_age_seconds": max(view.block.at - kept.observed_at, 0) if kept.observed_at else None,
        "price_doubt_ppm": kept.doubt_ppm,
        "half_spread_ppm": pool.spread_ppm,
        "reserves": {
            view.token.code: Money(pool.reserves.token, view.token).plain(),
            "USDC": usdc(pool.reserves.usdc),
        },
        "worth_usdc": usdc(worth),
        "over_target_ppm": excess_e6 // worth if worth else 0,
        "pot_usdc": usdc(pool.reserves.pot_usdc),
        "fees_to_share_usdc": usdc(pool.reserves.fees_usdc),
        "sells": direction(pool.sells),
        "buys": direction(pool.buys),
        "room_usdc": {
            "sell_hour": usdc(max(pool.hour_cap - levels.sell_hour, 0)),
            "sell_day": usdc(max(pool.day_cap - levels.sell_day, 0)),
            "buy_hour": usdc(max(pool.hour_cap - levels.buy_hour, 0)),
            "buy_day": usdc(max(pool.day_cap - levels.buy_day, 0)),
        },
        "shares": decimal(view.shares, 6),
        "share_price_usdc": usdc(share_price(view, pool)),
        "fees_owed_usdc": usdc(view.owed_usdc),
        "terms": TERMS,
        "settings": {
            name: value
            for name, value in asdict(view.state.settings).items()
            if name.endswith(("_ppm", "_seconds", "_minute"))
        },
    }


def settings_lines(view: PoolView) -> list[str]:
    """What governance set, and the terms, for people."""
    found = view.state.settings
    lines = {
        "settings": f"half-spread {_percent(found.spread_ppm)}, skew {_percent(found.skew_ppm)}, "
        f"healing {_percent(found.heal_ppm)} of it, target {_percent(found.target_ppm)} in {view.token}",
        "": f"an hour {_percent(found.hour_ppm)}, a day {_percent(found.day_ppm)} of the pool; "
        f"{_percent(found.buffer_ppm)} of the fees stay in the pot",
        "terms": ", ".join(
            f"{each['term']}: {each['days']} days × {each['weight_percent']} %" for each in TERMS
        ),
    }
    return [f"  {name:<12}  {text}" for name, text in lines.items()]


def share_price(view: PoolView, pool: Pool) -> int:
    """What a whole share is worth at mid, in USDC units; rounded down."""
    return pool.balance()[0] * 10**6 // (view.shares + VIRTUAL)


def pool_lines(view: PoolView) -> list[str]:
    """A pool for people."""
    said, token, kept = pool_json(view), view.token.code, view.state.kept
    room, held, over = said["room_usdc"], said["reserves"], said["over_target_ppm"]
    price, side = "none yet", "over" if over >= 0 else "under"
    if kept.mid_e18:
        price = f"{_rate(token, kept.mid_e18)}, {said['price_age_seconds']} s old"
        price += f", doubt {_percent(kept.doubt_ppm)}"
    lines = {
        "price": price,
        "half-spread": _percent(said["half_spread_ppm"]),
        "reserves": f"{held[token]} {token} + {held['USDC']} USDC, worth {said['worth_usdc']} USDC",
        "balance": f"the token is {_percent(abs(over))} of the pool {side} its target",
        "pot, fees": f"{said['pot_usdc']} USDC, {said['fees_to_share_usdc']} USDC to share out",
        "selling": f"{said['sells']}, room {room['sell_hour']} USDC this hour, {room['sell_day']} this day",
        "buying": f"{said['buys']}, room {room['buy_hour']} USDC this hour, {room['buy_day']} this day",
        "shares": f"{said['shares']} at {said['share_price_usdc']} USDC",
    }
    titled = [f"  {name:<12}  {text}" for name, text in lines.items()]
    return [f"{token}/USDC at block {view.block.number}", *titled]


def _rate(token: str, mid_e18: int) -> str:
    """What one of the dearer buys of the other, as people quote it."""
    if mid_e18 > E18:
        return f"1 {token} = {decimal(mid_e18, 18, 4)} USDC"
    return f"1 USDC = {decimal(E18 * E18 // mid_e18, 18, 4)} {token}"


def position_json(position: Position, pool: Pool) -> dict[str, Any]:
    """A position; what it holds is worth at mid."""
    worth = position.token_units * pool.mid_e18 // E18 + position.usdc_units
    return {
        "token": position.token.code,
        "term": position.term,
        "days": TERM_DAYS[position.term],
        "shares": decimal(position.shares, 6),
        "holds": {
            position.token.code: Money(position.token_units, position.token).plain(),
            "USDC": usdc(position.usdc_units),
        },
        "worth_usdc": usdc(worth),
        "fees_usdc": usdc(position.fees_usdc),
        "term_fees_usdc": usdc(position.uplift_usdc),
        "unlock_at": _moment(position.unlock_at) if position.term else None,
    }


def position_lines(said: dict[str, Any]) -> list[str]:
    """A position for people."""
    token = said["token"]
    lines = [
        f"{token}/USDC, term {said['term']} ({said['days']} days): {said['shares']} shares,"
        f" worth {said['worth_usdc']} USDC",
        f"  holds         {said['holds'][token]} {token} + {said['holds']['USDC']} USDC",
        f"  fees          {said['fees_usdc']} USDC",
    ]
    if said["unlock_at"]:
        lines.append(f"  for the term  {said['term_fees_usdc']} USDC, from {said['unlock_at']}")
    return lines


def quote_json(quoted: Quoted, *, newest: bool) -> dict[str, Any]:
    """A quote with each pool's part."""
    return {
        "give": {"amount": quoted.give.plain(), "currency": quoted.give.currency.code},
        "get": {"amount": quoted.get.plain(), "currency": quoted.get.currency.code},
        "cost_ppm": quoted.cost_ppm_up(),
        "newest_prices": newest,
        "hops": [
            {
                "token": hop.token.code,
                "side": "sell" if hop.fill.sell else "buy",
                "amount_in": decimal(hop.fill.amount_in, 6),
                "amount_out": decimal(hop.fill.amount_out, 6),
                "fee_usdc": usdc(hop.fill.fee_usdc),
                "into_pot_usdc": _signed(hop.fill.pot_usdc - hop.pool.reserves.pot_usdc),
                "half_spread_ppm": hop.pool.spread_ppm,
            }
            for hop in quoted.hops
        ],
    }


def usdc(units: int) -> str:
    """Plain decimals of USDC."""
    return Money(units, USDC).plain()


def direction(why: Refusal) -> str:
    """Whether trades of a direction go through now."""
    return "open" if why is Refusal.NONE else why.name.lower().replace("_", " ")


def decimal(units: int, digits: int, shown: int | None = None) -> str:
    """A plain decimal; a share has six digits, as USDC. ``shown`` cuts digits off."""
    text = f"{units // 10**digits}.{units % 10**digits:0{digits}d}"
    return text if shown is None else text[: len(text) - digits + shown]


def _signed(units: int) -> str:
    return ("-" if units < 0 else "") + usdc(abs(units))


def _percent(ppm: int) -> str:
    return f"{ppm * 100 // PPM}.{ppm * 100 % PPM * 10**4 // PPM:04d} %"


def _moment(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
