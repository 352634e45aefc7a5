"""What settling costs, measured as Hedera would charge it: calldata, cold storage and all."""

import pytest

from support.evm import Chain
from support.settlements import Hub

pytestmark = pytest.mark.needs_evm

ITEM_UNITS = 1_000 * 10**6


def test_a_batch_of_a_hundred_transfers_fits_into_a_transaction(chain: Chain) -> None:
    hub = Hub(chain)
    hub.liquidity()
    hub.settle(hub.transfer(ITEM_UNITS))
    used = {}
    for count in (1, 10, 40, 100):
        receipt = hub.settle(*(hub.transfer(ITEM_UNITS) for _ in range(count)))
        used[count] = int(receipt["gasUsed"], 16)
    print(used)
    assert used[1] < 360_000
    assert used[40] < 40 * 22_000, "a transfer among forty"
    assert used[100] < 100 * 16_500, "a transfer among a hundred"
