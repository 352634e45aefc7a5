"""One transaction through everything that Hedera does to it: it lands once, whatever the network says."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from juapesa.chain import Rpc
from juapesa.chain.courier import Courier, Landed, OnItsWay, Overtaken
from juapesa.chain.purse import FeeTooHigh, Purse, PurseLow, gas_limit
from juapesa.chain.sending import Sender, TransactionRefused
from juapesa.crypto import Signer
from juapesa.sandbox.hedera import Pace
from support.hedera import PLAY_KEY, REVERTS, Sandbox, sandbox
from support.post import Post, post_on

pytestmark = pytest.mark.needs_evm

LAGGING = Pace(block_seconds=0.2, lag_low_seconds=0.8, lag_high_seconds=1.2)


@pytest.fixture(scope="module")
def quick() -> Iterator[Sandbox]:
    with sandbox() as net:
        yield net


@pytest.fixture(scope="module")
def lagging() -> Iterator[Sandbox]:
    with sandbox(LAGGING) as net:
        yield net


def test_what_the_network_was_too_busy_for_goes_out_again_unchanged(quick: Sandbox) -> None:
    post = post_on(quick)
    quick.fault("send", "busy", count=2)
    nonce = asyncio.run(_sent(post))
    assert post.landed_once(nonce)
    assert len(post.rpc.sent) == 3
    assert len(set(post.rpc.sent)) == len(post.forms[nonce]) == 1


async def _sent(post: Post) -> int:
    nonce = await post.build()
    (fate,) = await post.follow(nonce)
    assert isinstance(fate, Landed)
    return nonce


@pytest.mark.parametrize("fault", ["throttled", "wrong-nonce"])
def test_what_consensus_refused_is_signed_again_with_the_same_nonce(quick: Sandbox, fault: str) -> None:
    post = post_on(quick)
    quick.fault("send", fault, count=2)
    nonce = asyncio.run(_sent(post))
    assert post.landed_once(nonce)
    assert len(post.forms[nonce]) == 3
    assert len({each.hash for each in post.forms[nonce]}) == 3


def test_after_a_time_out_it_is_looked_for_and_not_sent_again(lagging: Sandbox) -> None:
    post = post_on(lagging)
    lagging.fault("send", "timeout-after-accept", seconds=0.3)
    nonce = asyncio.run(_sent(post))
    assert post.landed_once(nonce)
    assert len(post.rpc.sent) == 1


def test_what_a_silent_relay_never_took_goes_out_again_once_the_mirror_had_time(lagging: Sandbox) -> None:
    post = post_on(lagging, unseen_seconds=2.0)
    lagging.fault("send", "outage")
    began = time.monotonic()
    nonce = asyncio.run(_sent(post))
    assert time.monotonic() - began >= 2.0
    assert post.landed_once(nonce)
    assert len(post.rpc.sent) == 2
    assert len(set(post.rpc.sent)) == len(post.forms[nonce]) == 1


def test_a_restarted_sender_does_no_harm(lagging: Sandbox) -> None:
    """It knows of no hand-over, and does it again while the mirror shows nothing yet."""
    post = post_on(lagging)

    async def restarted() -> int:
        nonce = await post.build()
        await post.deliver(nonce)
        await asyncio.sleep(0.5)  # in a block, and not at the mirror
        post.courier = Courier(post.rpc, post.courier.signer, 298)
        await post.follow(nonce)
        return nonce

    nonce = asyncio.run(restarted())
    assert post.landed_once(nonce)
    assert len(post.rpc.sent) == 2


def test_a_row_of_nonces_survives_the_refusal_of_its_first(lagging: Sandbox) -> None:
    """Hedera waits for no gap: what comes after a refused one is refused too."""
    post = post_on(lagging)
    lagging.fault("send", "throttled")

    async def row() -> list[int]:
        first = await post.build()
        nonces = [first, await post.build(first + 1), await post.build(first + 2)]
        assert all(isinstance(each, Landed) for each in await post.follow(*nonces))
        return nonces

    nonces = asyncio.run(row())
    assert post.landed_once(*nonces)


def test_nothing_goes_out_after_one_that_is_in_doubt(lagging: Sandbox) -> None:
    post = post_on(lagging)
    lagging.fault("send", "timeout-after-accept", seconds=0.1)

    async def two() -> list[int]:
        first = await post.build()
        nonces = [first, await post.build(first + 1)]
        fate = await post.deliver(first)
        assert fate == OnItsWay(taken=False)
        assert await post.deliver(nonces[1], first=False) == OnItsWay(taken=False)
        assert len(post.rpc.sent) == 1
        await post.follow(*nonces)
        return nonces

    assert post.landed_once(*asyncio.run(two()))


def test_a_nonce_that_somebody_else_has_used_is_known_to_be_lost(quick: Sandbox) -> None:
    post = post_on(quick, lost_seconds=0.5)

    async def overtaken() -> Overtaken | Landed:
        nonce = await post.build()
        quick.send(to="0x" + "22" * 20, value=10**10)
        (fate,) = await post.follow(nonce)
        return fate

    fate = asyncio.run(overtaken())
    assert isinstance(fate, Overtaken)
    assert post.rpc.sent == [], "its bytes are of no use any more"
    assert fate.at.block <= int(quick.ask("eth_blockNumber"), 16)


def test_a_nonce_that_is_shown_before_its_receipt_is_not_lost(quick: Sandbox) -> None:
    """A mirror does that for some seconds."""
    post = post_on(quick, unseen_seconds=0.0, lost_seconds=5.0)

    async def shown_in_two_steps() -> list[OnItsWay | Landed | Overtaken]:
        nonce = await post.build()
        await post.deliver(nonce)
        post.rpc.shows_receipts = False
        early = await post.deliver(nonce)
        post.rpc.shows_receipts = True
        return [early, *await post.follow(nonce)]

    early, late = asyncio.run(shown_in_two_steps())
    assert isinstance(early, OnItsWay)
    assert isinstance(late, Landed)


def test_a_span_of_more_than_seven_days_is_read_in_halves() -> None:
    with sandbox() as net:
        post = post_on(net)

        async def read() -> list[str]:
            await _sent(post)
            await asyncio.to_thread(net.mine, seconds=8 * 86_400)
            await _sent(post)
            at = await post.rpc.freeze()
            return [log["transactionHash"] for log in await at.logs([post.target], 0, at.block)]

        found = asyncio.run(read())
        assert found == [form.hash for _, (form,) in sorted(post.forms.items())]


def test_a_purse_that_is_low_or_a_fee_that_is_high_stops_the_sender(quick: Sandbox) -> None:
    signer = Signer.from_private_key(bytes.fromhex(PLAY_KEY[2:]))

    async def price(purse: Purse, gas: int) -> int:
        offered = await purse.price(await Rpc(quick.url).freeze(), signer.address)
        purse.require_fair(offered, gas)
        return offered

    assert asyncio.run(price(Purse(floor_hbar=100, fee_max_hbar=50), 15_000_000)) == quick.gas_price
    with pytest.raises(PurseLow):
        asyncio.run(price(Purse(floor_hbar=20_000, fee_max_hbar=50), 15_000_000))
    with pytest.raises(FeeTooHigh):
        asyncio.run(price(Purse(floor_hbar=100, fee_max_hbar=12), 15_000_000))


def test_the_room_above_an_estimate_is_what_was_free_under_the_older_rule_too() -> None:
    assert gas_limit(1_000_000) * 80 // 100 == 1_000_000
    assert gas_limit(14_000_000) == 15_000_000


def test_a_person_at_a_command_line_is_served_by_the_same_rules(quick: Sandbox) -> None:
    post = post_on(quick)
    sender = Sender(post.rpc, post.courier.signer, 298)
    reverting = quick.deploy(REVERTS)
    quick.fault("send", "throttled")

    async def both() -> str:
        receipt = await sender.send(post.target, b"")
        with pytest.raises(TransactionRefused):
            await sender.send(reverting, b"")
        return str(receipt["status"])

    assert asyncio.run(both()) == "0x1"
