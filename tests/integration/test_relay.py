"""One settlement of every item, whatever dies when: a real chain, a real database, the real relay."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from juapesa.chain.purse import Purse, PurseLow
from juapesa.issuance.domain import Orders
from juapesa.money import CKES, CNGN, KES, Money
from support.deaths import allowed_to_die, kill
from support.hub import Desk, collected, send

pytestmark = pytest.mark.needs_evm


def test_a_send_is_minted_swapped_and_burnt_in_one_transaction(desk: Desk) -> None:
    desk.capital()
    before = desk.chain.supply(CNGN)
    item = desk.order(send("A1"))
    desk.settle_all()
    assert desk.item(item).state == "settled"
    assert desk.settled_events(item) == 1
    assert desk.chain.supply(CNGN) == before - Money.whole(11_000, CNGN).minor
    assert desk.chain.supply(CKES) == Money.whole(13_001_000, CKES).minor


def test_many_items_share_one_transaction_and_a_bad_one_fails_alone(desk: Desk) -> None:
    desk.capital()
    *good, greedy = desk.order_many(
        *(send(f"B{number}") for number in range(5)), send("B-greedy", least=20_000)
    )
    batches = included_batches(desk)
    desk.tick()
    desk.tick()
    assert [desk.item(each).state for each in good] == ["settled"] * 5
    assert (desk.item(greedy).state, desk.item(greedy).reason) == ("failed", "MinOutNotMet")
    assert included_batches(desk) == batches + 1


def included_batches(desk: Desk) -> int:
    with desk.db.unit_of_work() as uow:
        row = uow.one("SELECT count(*) AS n FROM issuance.batch WHERE state = 'included'")
    assert row is not None
    return int(row["n"])


def test_an_item_waits_for_its_quorum(desk: Desk) -> None:
    item = desk.order(Orders(mint=collected(10, "C1")), sign=False)
    assert desk.tick() == 0
    desk.sign(item)
    desk.settle_all()
    assert desk.item(item).state == "settled"


POINTS = [
    ("_intend", False),  # nothing on record
    ("_intend", True),  # on record, not sent
    ("hand_over", False),
    ("hand_over", True),  # sent, and nobody remembers that it was
    ("_record", False),  # in a block, not on record
    ("_record", True),
]


@pytest.mark.parametrize(("point", "after"), POINTS)
def test_killed_at_any_step_and_restarted_it_settles_exactly_once(
    desk: Desk, point: str, after: bool
) -> None:
    desk.capital()
    items = [desk.order(send(f"D{number}")) for number in range(3)]
    for _ in range(4):
        with desk.relay() as relay, allowed_to_die():
            desk.tick(kill(relay, point, after=after))
    desk.settle_all()
    assert [(desk.item(each).state, desk.item(each).reason) for each in items] == [("settled", "")] * 3
    assert [desk.settled_events(each) for each in items] == [1] * 3
    assert desk.chain.supply(CKES) == Money.whole(13_003_000, CKES).minor


def test_a_batch_whose_nonce_was_taken_is_made_anew(desk: Desk) -> None:
    desk.capital()
    item = desk.order(send("E1"))
    with desk.relay() as relay, allowed_to_die():
        desk.tick(kill(relay, "hand_over", after=False))
    take_nonce(desk)

    async def cycles() -> None:
        with desk.relay(courier=desk.courier(lost_seconds=0.0)) as relay:
            for _ in range(4):
                await relay.tick()

    asyncio.run(cycles())
    assert desk.item(item).state == "settled"
    assert desk.settled_events(item) == 1


def take_nonce(desk: Desk) -> None:
    """Somebody else with the relayer's key sends a transaction."""
    node, relayer = desk.chain.node, desk.chain.relayer.address
    node.ask("anvil_impersonateAccount", relayer)
    node.send(b"", to=relayer, sender=relayer)
    node.ask("anvil_stopImpersonatingAccount", relayer)


def test_a_lagging_mirror_makes_nobody_believe_that_a_batch_is_lost(desk: Desk) -> None:
    """The nonce has moved and the receipt is not shown yet: Hedera's mirror does that for seconds."""
    desk.capital()
    item = desk.order(send("F1"))
    desk.tick()

    async def lagging() -> int:
        with desk.relay() as relay:
            rpc = relay.courier.rpc
            receipt = rpc.receipt

            async def nothing(_: str) -> None:
                return None

            rpc.receipt = nothing  # type: ignore[method-assign]
            await relay.tick()
            rpc.receipt = receipt  # type: ignore[method-assign]
            return await relay.tick()

    asyncio.run(lagging())
    assert desk.item(item).state == "settled"
    assert desk.settled_events(item) == 1


def test_an_item_that_the_chain_has_settled_is_never_failed(desk: Desk) -> None:
    """The worst of all mistakes would be a refund of what was done."""
    desk.capital()
    item = desk.order(send("G1"))
    desk.tick()
    with desk.db.unit_of_work() as uow:  # a batch that was given up although it landed
        uow.execute("UPDATE issuance.item SET state = 'open' WHERE id = %s", (item,))
        uow.execute("UPDATE issuance.batch SET state = 'replaced' WHERE state = 'built'")
    desk.clock.ahead += timedelta(seconds=600)
    desk.settle_all()
    assert desk.item(item).state == "settled"


def test_an_item_that_is_settled_already_counts_as_settled(desk: Desk) -> None:
    desk.capital()
    item = desk.order(send("H1"))
    desk.tick()
    with desk.db.unit_of_work() as uow:
        uow.execute("UPDATE issuance.item SET state = 'open' WHERE id = %s", (item,))
        uow.execute("UPDATE issuance.batch SET state = 'replaced' WHERE state = 'built'")
    desk.settle_all()
    assert desk.item(item).state == "settled"
    assert desk.settled_events(item) == 1


def test_an_overdue_item_fails_and_can_never_settle(desk: Desk) -> None:
    item = desk.order(Orders(mint=collected(10, "I1")), sign=False)
    desk.clock.ahead += timedelta(seconds=desk.item_seconds + 60)
    desk.tick()
    assert (desk.item(item).state, desk.item(item).reason) == ("failed", "DeadlinePassed")
    desk.sign(item)
    desk.settle_all()
    assert desk.item(item).state == "failed"
    assert desk.settled_events(item) == 0


def test_reserves_that_were_claimed_too_low_are_claimed_anew(desk: Desk) -> None:
    """Mints settle in another order than they were asked for; each claim knew only of those before it."""
    tight = {KES: Money.whole(10, KES)}
    first, second = uuid.uuid4(), uuid.uuid4()
    for item, receipt in ((first, "J1"), (second, "J2")):
        with desk.db.unit_of_work() as uow:
            desk.issuance.order(uow, item, Orders(mint=collected(10, receipt)), tight)
            desk.issuance.gather(uow)
    desk.sign(second)
    desk.settle_all()
    desk.sign(first)
    desk.settle_all()
    assert desk.item(second).state == "settled"
    assert (desk.item(first).state, desk.item(first).reason) == ("open", "CustodyShort")
    desk.sign(first)  # the fresh statement
    desk.settle_all()
    assert desk.item(first).state == "settled"


def test_a_bad_statement_holds_up_no_other(desk: Desk) -> None:
    """A statement that the registry refuses fails its group; halved, the good ones are soon alone."""
    tight = {KES: Money.whole(10, KES)}
    bad = uuid.uuid4()
    with desk.db.unit_of_work() as uow:
        desk.issuance.order(uow, bad, Orders(mint=collected(10, "P0")), tight)
        desk.issuance.gather(uow)
    good = [desk.order(Orders(mint=collected(10, f"P{number}")), sign=False) for number in range(1, 4)]
    with desk.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE issuance.statement SET reserves = 1 WHERE id = (SELECT min(id) FROM issuance.statement)"
        )
    desk.sign()
    desk.settle_all()
    assert {desk.item(each).state for each in good} == {"open"}, "their statements are asked for again"
    desk.sign()
    desk.settle_all()
    assert [(desk.item(e).state, desk.item(e).reason) for e in [bad, *good]] == [("settled", "")] * 4
    assert [desk.settled_events(each) for each in [bad, *good]] == [1] * 4


def test_receipts_share_a_statement_until_an_attester_refuses_one(desk: Desk) -> None:
    items = desk.order_many(*(Orders(mint=collected(10, f"Q{number}")) for number in range(3)))
    with desk.db.unit_of_work() as uow:
        uow.execute("DELETE FROM issuance.signature")
    (together,) = desk.requests()
    assert [each.number for each in together.statement.entries] == [desk.item(each).number for each in items]
    refused = desk.item(items[1]).number
    with desk.db.unit_of_work() as uow:
        desk.issuance.refuse(uow, desk.chain.attesters[2].address, together.id, [refused])
    numbers = [[each.number for each in request.statement.entries] for request in desk.requests()]
    assert numbers == [[desk.item(each).number for each in (items[0], items[2])], [refused]]
    desk.sign(items[0])
    desk.settle_all()
    assert [desk.item(each).state for each in items] == ["settled", "open", "settled"]
    desk.sign(items[1])
    desk.settle_all()
    assert [desk.settled_events(each) for each in items] == [1] * 3


def test_a_statement_that_has_its_quorum_is_not_taken_apart(desk: Desk) -> None:
    items = desk.order_many(*(Orders(mint=collected(10, f"R{number}")) for number in range(2)))
    third = desk.chain.attesters[2].address
    with desk.db.unit_of_work() as uow:
        (asked,) = desk.issuance.open_requests(uow, third)
        desk.issuance.refuse(uow, third, asked.id, [desk.item(items[0]).number])
    desk.settle_all()
    assert [desk.item(each).state for each in items] == ["settled"] * 2


def test_an_expired_statement_is_replaced_while_its_item_lives(desk: Desk) -> None:
    desk.item_seconds = 3_000
    item = desk.order(Orders(mint=collected(10, "K1")), sign=False)
    old = desk.requests()[0].statement
    desk.clock.ahead += timedelta(seconds=700)
    desk.tick()
    new = desk.requests()[0].statement
    assert new.entries == old.entries
    assert new.expires_at > old.expires_at
    assert desk.item(item).state == "open"


def test_silent_publishers_hold_up_only_what_needs_a_price(desk: Desk) -> None:
    desk.capital()
    desk.publish(silent=True)
    swap, mint = desk.order(send("L1")), desk.order(Orders(mint=collected(10, "L2")))
    desk.settle_all()
    assert desk.item(mint).state == "settled"
    assert desk.item(swap).state == "open"
    desk.publish()
    desk.settle_all()
    assert desk.item(swap).state == "settled"


def test_two_relayers_with_one_key_settle_each_item_once(desk: Desk) -> None:
    desk.capital()
    items = [desk.order(send(f"M{number}")) for number in range(4)]

    async def both() -> None:
        with desk.relay() as one, desk.relay() as other:
            for _ in range(6):
                answers = await asyncio.gather(one.tick(), other.tick(), return_exceptions=True)
                for each in answers:
                    assert not isinstance(each, BaseException) or type(each).__module__.startswith(
                        "juapesa"
                    ), each

    asyncio.run(both())
    assert [desk.item(each).state for each in items] == ["settled"] * 4
    assert [desk.settled_events(each) for each in items] == [1] * 4


def test_a_price_that_has_become_too_low_is_raised_at_the_same_nonce(desk: Desk) -> None:
    desk.capital()
    item = desk.order(send("N1"))
    with desk.relay() as relay, allowed_to_die():
        desk.tick(kill(relay, "hand_over", after=False))
    desk.chain.node.ask("anvil_setNextBlockBaseFeePerGas", hex(10**11))
    desk.settle_all()
    assert desk.item(item).state == "settled"
    assert desk.settled_events(item) == 1
    with desk.db.unit_of_work() as uow:
        tried = uow.all(
            "SELECT b.nonce, b.tx_hash FROM issuance.attempt a JOIN issuance.batch b ON b.id = a.batch_id"
            " WHERE b.id = (SELECT batch_id FROM issuance.item WHERE id = %s)",
            (item,),
        )
    assert len(tried) == 2
    assert desk.chain.node.ask("eth_getTransactionReceipt", tried[0]["tx_hash"])["status"] == "0x1"


def test_a_relayer_without_money_for_fees_builds_nothing_and_says_so(desk: Desk) -> None:
    desk.capital()
    item, before = desk.order(send("S1")), included_batches(desk)

    async def poor() -> None:
        with desk.relay(purse=Purse(floor_hbar=10_000, fee_max_hbar=50)) as relay:
            await relay.tick()

    with pytest.raises(PurseLow):
        asyncio.run(poor())
    assert (desk.item(item).state, desk.item(item).attempts) == ("open", 0)
    desk.settle_all()
    assert desk.item(item).state == "settled"
    assert included_batches(desk) == before + 1


def test_a_full_batch_fits_under_the_gas_cap(desk: Desk) -> None:
    desk.capital()
    items = desk.order_many(*(send(f"O{number}", whole=100, least=1_100) for number in range(100)))
    before = included_batches(desk)
    with desk.relay(batch_items_max=100) as relay:
        desk.tick(relay)
    desk.settle_all()
    assert {desk.item(each).state for each in items} == {"settled"}
    assert included_batches(desk) == before + 1
