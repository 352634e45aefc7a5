"""What each action costs on Hedera, in gas and in USD by a dated fee schedule.

Measured as ``measure.gas`` does, over the token service's own tokens.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import Any

from juapesa.chain import abi
from juapesa.measure.gas import BATCH, measure
from juapesa.measure.hedera_chain import HederaChain

_CHECKPOINT = abi.Function("checkpoint", ())
_MICRO = Decimal("0.000001")
_TOKENS_OF_A_TRANSFER = 2  # whose prices it needs


def measure_hedera(chain: HederaChain, say: Callable[[str], None]) -> dict[str, Any]:
    """Gas and USD by action, and of a whole transfer. Raises MeasurementFailed, Unavailable."""
    schedule = chain.schedule
    here: dict[str, int] = {}
    steps: list[str] = []

    def heard(step: str) -> None:
        if steps and chain.sent:
            here[steps[-1]] = chain.sent[-1].gas_here
        steps.append(step)
        say(step)

    gas = measure(chain, heard)
    heard("checkpoint")
    gas["attested_mint"] = gas.pop("attested_mint_over_plain")  # a plain mint cost nothing here
    gas |= _ours(chain)
    here["batch_100_each"] = here.pop("batch_100") // BATCH
    here = {name: here[name] for name in gas if name in here}
    usd = {name: schedule.usd(used) for name, used in gas.items()} | schedule.native
    whole = _whole(usd)
    return {
        "network": "hedera",
        "fees": {"as_of": schedule.as_of, "gas_usd": f"{schedule.gas:f}", "sources": list(schedule.sources)},
        "gas": gas,
        "gas_in_sandbox": here,
        "usd": {name: _written(price) for name, price in usd.items()},
        "transfer_usd": {name: _written(price) for name, price in whole.items()},
        "goals_usd": {name: str(price) for name, price in schedule.goals.items()},
        "reached": {name: whole[name] <= goal for name, goal in schedule.goals.items()},
    }


def _ours(chain: HederaChain) -> dict[str, int]:
    """What the house sends beside customers' actions: a token's price of three publishers, a checkpoint."""
    prices = [each.gas for each in chain.sent if each.function == "updatePrices"]
    for _ in range(3):
        checkpoint = chain.send(chain.deployed["AttestationRegistry"], _CHECKPOINT)
    return {"price_update": prices[-1], "checkpoint": checkpoint}


def _whole(usd: dict[str, Decimal]) -> dict[str, Decimal]:
    """A transfer's part on chain: settling it with the prices it needs, the log's checkpoint and its anchor.

    A single one is settled alone; prices, checkpoint and anchor are of the block, whatever is in it, and
    counted whole there too under ``single_with_everything``.
    """
    block = usd["price_update"] * _TOKENS_OF_A_TRANSFER + usd["checkpoint"] + usd["topic_message_100_bytes"]
    return {
        "single": usd["batch_1"],
        "single_with_everything": usd["batch_1"] + block,
        "each_of_100": usd["batch_100_each"] + block / BATCH,
    }


def _written(price: Decimal) -> str:
    return str(price.quantize(_MICRO, ROUND_CEILING))
