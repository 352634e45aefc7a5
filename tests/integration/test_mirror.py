"""The mirror follows from the logs alone: run at once, in pieces or again, it comes out the same."""

import asyncio
from typing import Any

import pytest

from juapesa.chain import abi
from juapesa.chain.events import BlockEvents
from juapesa.db import Database
from juapesa.issuance.domain import Orders, Swap
from juapesa.issuance.errors import MirrorDiverged
from juapesa.issuance.mirror import Mirror
from juapesa.ledger import AccountKind, Ledger
from juapesa.money import CKES, CNGN, USDC, Money
from juapesa.pools import calls
from support.books import assert_books_verify
from support.evm import Chain
from support.hub import Desk, collected, send
from support.postgres import PostgresForTests

pytestmark = pytest.mark.needs_evm

CHAIN_KINDS = ("chain-hub", "chain-pool", "chain-supply")
SWAP = abi.Function("swap", ("address", "address", "uint64", "uint64", "address", "uint64"), ("uint64",))
DEPOSIT = abi.Function("deposit", ("address", "uint64", "address"))


def catch_up(db: Database, chain: Chain) -> int:
    """A freshly started watcher's one cycle."""
    return asyncio.run(
        Mirror(db, Ledger(), chain.deployment, BlockEvents(chain.rpc(), chain.deployment)).tick()
    )


def balances(db: Database) -> dict[tuple[str, str, str], int]:
    """Every mirror account's balance."""
    with db.unit_of_work() as uow:
        rows = uow.all(
            "SELECT kind, owner, currency, posted FROM book.accounts JOIN book.balances ON account = id "
            "WHERE kind = ANY(%s)",
            (list(CHAIN_KINDS),),
        )
    return {(row["kind"], row["owner"], row["currency"]): row["posted"] for row in rows if row["posted"]}


def entries(db: Database) -> list[dict[str, Any]]:
    """What was booked, without the identities that depend on the order of accounts."""
    with db.unit_of_work() as uow:
        return uow.all("SELECT key FROM book.transfers ORDER BY key")


def pooled(chain: Chain) -> dict[str, int]:
    """What the pools own of each currency, as they say it."""
    where, found = chain.deployment, {USDC.code: 0}
    for token in (CKES, CNGN):
        units, usdc, pot, fees = chain.node.read(where.pools, calls.STATE, where.tokens[token])[0]
        _, (_, owed) = chain.node.read(where.pools, calls.LIQUIDITY, where.tokens[token])
        found[token.code] = units
        found[USDC.code] += usdc + pot + fees + owed
    return found


def assert_true_to_the_chain(db: Database, chain: Chain) -> None:
    found, where = balances(db), chain.deployment
    for token in (CKES, CNGN, USDC):
        assert found.get((AccountKind.CHAIN_HUB, "", token.code), 0) == chain.claim(token, where.router)
        assert found.get((AccountKind.CHAIN_POOL, "", token.code), 0) == pooled(chain)[token.code]
    for token in (CKES, CNGN):
        assert found[AccountKind.CHAIN_SUPPLY, "", token.code] == chain.supply(token)
    assert_books_verify(db)


def some_traffic(desk: Desk) -> None:
    """A send, a conversion into dollars and a mint into a wallet."""
    desk.order(send("A1"))
    desk.order(Orders(swap=Swap(Money.whole(500, CKES), Money.whole(1, USDC))))
    desk.order(Orders(mint=collected(700, "A2")))
    desk.settle_all()


def outsiders_act(desk: Desk) -> None:
    """Somebody with dollars of their own buys shillings, provides, takes some out and feeds claims."""
    node, where = desk.chain.node, desk.chain.deployment
    me, usdc, shillings = node.account(), where.tokens[USDC], where.tokens[CKES]
    node.send(abi.Function("mint", ("address", "uint64")).call(me, 10_000_000), usdc)
    for token in (usdc, shillings):
        node.send(calls.APPROVE.call(where.pools, 2**62), token)
    for call in (
        SWAP.call(usdc, shillings, 1_000_000, 1, me, node.now() + 600),
        calls.ADD.call(shillings, 50_000_000, 2_000_000, 0, 0, False),
        SWAP.call(shillings, where.tokens[CNGN], 5_000_000, 1, me, node.now() + 600),
        calls.REMOVE.call(shillings, 200_000, 0, 0, 0, True),
        calls.CLAIM_FEES.call(shillings, 0, False),
        DEPOSIT.call(usdc, 300_000, me),
        DEPOSIT.call(usdc, 400_000, where.router),
    ):
        node.send(call, where.pools)


def test_the_mirror_is_true_to_the_chain(desk: Desk) -> None:
    desk.capital()
    desk.order(Orders(mint=collected(1_000, "B1")))
    some_traffic(desk)
    outsiders_act(desk)
    catch_up(desk.db, desk.chain)
    assert_true_to_the_chain(desk.db, desk.chain)


def test_rebuilt_from_the_first_block_it_equals_the_running_one(
    desk: Desk, postgres: PostgresForTests
) -> None:
    desk.capital()
    catch_up(desk.db, desk.chain)
    some_traffic(desk)
    catch_up(desk.db, desk.chain)
    outsiders_act(desk)
    catch_up(desk.db, desk.chain)
    with postgres.connected() as empty:
        catch_up(empty, desk.chain)
        assert balances(empty) == balances(desk.db)
        assert entries(empty) == entries(desk.db)


def test_reading_everything_again_books_nothing(desk: Desk) -> None:
    desk.capital()
    some_traffic(desk)
    assert catch_up(desk.db, desk.chain) > 0
    before = balances(desk.db)
    with desk.db.unit_of_work() as uow:
        uow.execute("DELETE FROM issuance.cursor")
    assert catch_up(desk.db, desk.chain) == 0
    assert balances(desk.db) == before


def test_a_log_that_a_mirror_node_shows_late_is_not_missed(desk: Desk) -> None:
    desk.capital()
    catch_up(desk.db, desk.chain)
    desk.order(Orders(mint=collected(700, "C1")))
    desk.settle_all()

    async def late() -> None:
        events = desk.events()
        mirror = Mirror(desk.db, Ledger(), desk.chain.deployment, events)
        shown = events.rpc.logs

        async def nothing(*_: Any) -> list[dict[str, Any]]:
            return []

        events.rpc.logs = nothing  # type: ignore[method-assign]
        await mirror.tick()
        events.rpc.logs = shown  # type: ignore[method-assign]
        desk.chain.node.ask("evm_mine")
        await mirror.tick()

    asyncio.run(late())
    assert_true_to_the_chain(desk.db, desk.chain)


def test_a_missing_entry_is_noticed_and_nothing_after_it_is_booked(desk: Desk) -> None:
    desk.capital()
    catch_up(desk.db, desk.chain)
    before = balances(desk.db)
    desk.order(Orders(mint=collected(700, "D1")))
    desk.settle_all()
    desk.order(Orders(mint=collected(300, "D2")))
    desk.settle_all()

    async def holed() -> None:
        events = desk.events()
        mirror = Mirror(desk.db, Ledger(), desk.chain.deployment, events)
        shown = events.rpc.logs

        async def without_first(addresses: list[str], first: int, last: int) -> list[dict[str, Any]]:
            logs = await shown(addresses, first, last)
            appended = [log for log in logs if log["topics"][0] == abi.APPENDED.topic]
            return [log for log in logs if log is not appended[-2]]

        events.rpc.logs = without_first  # type: ignore[method-assign]
        await mirror.tick()

    with pytest.raises(MirrorDiverged):
        asyncio.run(holed())
    assert balances(desk.db) == before
    catch_up(desk.db, desk.chain)
    assert_true_to_the_chain(desk.db, desk.chain)
