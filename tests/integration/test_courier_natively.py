"""One transaction through a consensus node's own door: known at consensus, landed once, whatever it says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from juapesa.chain.courier import Courier, Landed, OnItsWay, Wrapped
from juapesa.chain.native_ids import NANOS, TransactionId
from juapesa.chain.native_nodes import NativeNodes
from juapesa.chain.native_sending import NativeSending
from juapesa.chain.transactions import gas_price_of, sign_dearer
from juapesa.crypto import Signer
from juapesa.sandbox.hedera import Pace
from juapesa.sandbox.hedera.hapi import node
from support.hedera import LOGS, PLAY_KEY, REVERTS, Sandbox, sandbox
from support.post import Post, post_on
from support.sandboxes import eventually

pytestmark = pytest.mark.needs_evm

LAG_SECONDS = 1.5
LAGGING = Pace(block_seconds=0.2, lag_low_seconds=LAG_SECONDS, lag_high_seconds=LAG_SECONDS)
SIGNER = Signer.from_private_key(bytes.fromhex(PLAY_KEY[2:]))
NOBODY = "127.0.0.1:9"
FEE_MAX = 100_000_000
T = TypeVar("T")


class Counting(NativeSending):
    """Remembers what it offered to the nodes."""

    offered: list[tuple[bytes, TransactionId]]

    async def send(self, raw: bytes, transaction: TransactionId) -> Any:
        self.offered.append((raw, transaction))
        return await super().send(raw, transaction)


def path_to(net: Sandbox, nodes: dict[str, str] | None = None, payer: str | None = None) -> Counting:
    state = net.state()
    account = payer or next(iter(state["accounts"]))
    made = Counting(NativeNodes(nodes or {"0.0.3": state["hapi"]}, SIGNER, FEE_MAX, 1.0), lambda: account)
    made.offered = []
    return made


@pytest.fixture(scope="module")
def lagging() -> Iterator[Sandbox]:
    with sandbox(LAGGING) as net:
        yield net


def through(
    net: Sandbox,
    act: Callable[[Post, Counting], Awaitable[T]],
    *,
    path: Counting | None = None,
    code: bytes = LOGS,
    **changes: float,
) -> T:
    """Something done with a sender whose native path is open, in one event loop."""
    native = path or path_to(net)
    post = post_on(net, code=code, native=native, **changes)

    async def process() -> T:
        try:
            return await act(post, native)
        finally:
            await native.close()

    done = asyncio.run(process())
    eventually(lambda: net.nonce() > max(post.forms), 10)  # the next test begins with what is shown
    return done


async def landed(post: Post, nonce: int) -> dict[str, Any]:
    (fate,) = await post.follow(nonce)
    assert isinstance(fate, Landed)
    return fate.receipt


def assert_landed_once(post: Post, nonce: int) -> None:
    """By what the mirror shows in the end."""
    eventually(lambda: post.landed_once(nonce), 10)


def test_it_is_known_before_the_mirror_and_the_relay_is_not_asked_to_send(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, dict[str, Any], int]:
        nonce, began = await post.build(), time.monotonic()
        receipt = await landed(post, nonce)
        assert time.monotonic() - began < LAG_SECONDS
        assert len(native.offered) == 1
        assert await post.rpc.receipt(receipt["transactionHash"]) is None
        return post, receipt, nonce

    post, told, nonce = through(lagging, sent)
    assert post.rpc.sent == []
    assert_landed_once(post, nonce)
    shown = lagging.ask("eth_getTransactionReceipt", told["transactionHash"])
    assert told["blockNumber"] is None
    assert {name: told[name] for name in ("status", "gasUsed")} == {
        name: shown[name] for name in ("status", "gasUsed")
    }
    assert told["logs"] == [
        {name: each[name] for name in ("address", "topics", "data")} for each in shown["logs"]
    ]
    assert len(told["logs"]) == 1


def test_a_revert_is_a_receipt_too(lagging: Sandbox) -> None:
    async def sent(post: Post, _: Counting) -> dict[str, Any]:
        return await landed(post, await post.build())

    told = through(lagging, sent, code=REVERTS)
    assert (told["status"], told["logs"]) == ("0x0", [])


def test_a_busy_node_is_offered_the_same_bytes_under_the_same_id(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, int]:
        lagging.fault("hapi", "busy", count=2)
        nonce = await post.build()
        await landed(post, nonce)
        assert len(native.offered) == 3
        assert len(set(native.offered)) == 1
        return post, nonce

    assert_landed_once(*through(lagging, sent))


def test_what_consensus_refused_is_signed_again_with_the_same_nonce(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, int]:
        lagging.fault("hapi", "throttled", count=2)
        nonce = await post.build()
        await landed(post, nonce)
        assert len({raw for raw, _ in native.offered}) == len({each for _, each in native.offered}) == 3
        assert len(post.forms[nonce]) == 3
        return post, nonce

    assert_landed_once(*through(lagging, sent))


def test_what_is_too_cheap_at_consensus_is_offered_dearer(lagging: Sandbox) -> None:
    """The network's price went up after it was signed. The relay would say so at once, a node does not."""

    async def sent(post: Post, native: Counting) -> tuple[Post, int]:
        price = await post.rpc.gas_price()
        nonce = await post.build()
        [dear], [wrapped] = post.forms.pop(nonce), post.wrapped.pop(nonce)
        await post.keep(sign_dearer(SIGNER, chain_id=298, raw=dear.raw, gas_price=price // 2), wrapped.id)
        await landed(post, nonce)
        assert [gas_price_of(each.raw) >= price for each in post.forms[nonce]] == [False, True]
        assert len(native.offered) == 2
        return post, nonce

    post, nonce = through(lagging, sent)
    assert_landed_once(post, nonce)
    assert post.rpc.sent == []


def test_after_a_silence_the_receipt_is_asked_for_and_nothing_sent_again(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, int]:
        lagging.fault("hapi", "timeout-after-accept", seconds=2)
        nonce = await post.build()
        assert await post.deliver(nonce) == OnItsWay(taken=False)
        await landed(post, nonce)
        assert len(native.offered) == 1
        return post, nonce

    post, nonce = through(lagging, sent)
    assert_landed_once(post, nonce)
    assert post.rpc.sent == []


def test_a_restarted_sender_finds_it_by_its_id(lagging: Sandbox) -> None:
    async def restarted(post: Post, native: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        form, wrapped = post.forms[nonce][0], post.wrapped[nonce][0]
        await post.courier.hand_over(form.raw, form.hash, wrapped.id)
        post.courier = Courier(post.rpc, SIGNER, 298, native)  # remembers nothing
        await landed(post, nonce)
        assert len(native.offered) == 1
        return post, nonce

    assert_landed_once(*through(lagging, restarted))


def test_an_id_that_was_taken_is_taken_and_lands_once(lagging: Sandbox) -> None:
    async def twice(post: Post, _: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        form, wrapped = post.forms[nonce][0], post.wrapped[nonce][0]
        said = [await post.courier.hand_over(form.raw, form.hash, wrapped.id) for _ in range(2)]
        assert said == ["taken", "taken"]
        await landed(post, nonce)
        return post, nonce

    assert_landed_once(*through(lagging, twice))


def test_an_id_whose_time_is_over_is_replaced_and_the_form_is_not(lagging: Sandbox) -> None:
    async def late(post: Post, native: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        [old] = post.wrapped[nonce]
        over = TransactionId(old.id.payer, old.id.valid_start - 115 * NANOS)
        post.wrapped[nonce] = [Wrapped(old.tx_hash, over)]
        await landed(post, nonce)
        assert [each.id for each in post.wrapped[nonce]] == [over, native.offered[0][1]]
        assert len(post.forms[nonce]) == len(native.offered) == 1
        return post, nonce

    assert_landed_once(*through(lagging, late))


def test_where_no_node_answers_the_relay_sends_and_tells(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        await landed(post, nonce)
        assert len(native.offered) == len(post.rpc.sent) == 1
        return post, nonce

    path = path_to(lagging, {"0.0.3": NOBODY, "0.0.4": NOBODY})
    assert_landed_once(*through(lagging, sent, path=path))


def test_another_node_is_asked_when_one_is_gone_or_is_not_who_it_should_be(lagging: Sandbox) -> None:
    async def sent(post: Post, _: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        await landed(post, nonce)
        return post, nonce

    served = lagging.state()["hapi"]
    path = path_to(lagging, {"0.0.4": NOBODY, "0.0.5": served, "0.0.3": served})
    post, nonce = through(lagging, sent, path=path)
    assert post.rpc.sent == []
    assert_landed_once(post, nonce)


def test_where_nobody_can_pay_natively_the_relay_serves(lagging: Sandbox) -> None:
    async def sent(post: Post, _: Counting) -> tuple[Post, int]:
        nonce = await post.build()
        await landed(post, nonce)
        return post, nonce

    strangers = list(lagging.state()["accounts"])[1]
    for payer in ("0.0.999999", strangers):
        post, nonce = through(lagging, sent, path=path_to(lagging, payer=payer))
        assert len(post.rpc.sent) == 1
        assert_landed_once(post, nonce)


def test_what_the_nodes_have_forgotten_the_mirror_remembers(
    lagging: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sent(post: Post, native: Counting) -> tuple[Post, dict[str, Any]]:
        monkeypatch.setattr(node, "REMEMBERED_SECONDS", 0.0)
        receipt = await landed(post, await post.build())
        assert len(native.offered) == 1
        return post, receipt

    post, receipt = through(lagging, sent)
    assert receipt["blockNumber"] is not None
    assert post.rpc.sent == []


def test_a_record_that_cannot_be_paid_for_is_left_to_the_mirror(lagging: Sandbox) -> None:
    async def sent(post: Post, native: Counting) -> dict[str, Any]:
        paid = native._nodes.record_cost

        async def dear(transaction: TransactionId) -> int:
            return await paid(transaction) * 10_000

        native._nodes.record_cost = dear  # type: ignore[method-assign]
        return await landed(post, await post.build())

    assert through(lagging, sent)["blockNumber"] is not None
