"""An attester signs what it has seen itself, and nothing else."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from juapesa.chain import Deployment
from juapesa.crypto import recover_address
from juapesa.errors import JuaError, Unavailable
from juapesa.issuance.attesting import (
    LIFE_SECONDS_MAX,
    OBSERVED_SECONDS_MAX,
    Attester,
    EntriesRefused,
    Refused,
    Signed,
)
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import Entry, Statement, StatementRequest, mint_receipt_hash
from juapesa.money import CKES, KES, NGN, USDC, Money
from support.evm import play_key

NOW = 1_790_000_000
KEY = b"\x07" * 32
RAIL = "mpesa-ke"
TOKEN, ROUTER, REGISTRY = ("0x" + digit * 40 for digit in "123")
DEPLOYMENT = Deployment("test", 298, REGISTRY, ROUTER, "0x" + "4" * 40, {CKES: TOKEN}, 0)


class OperatorDown(Unavailable):
    slug = "operator-down"


@dataclass
class BookedOperator:
    """An operator's books, as far as we may read them."""

    collections: dict[str, Money] = field(default_factory=dict)
    refused_payouts: set[str] = field(default_factory=set)
    held: Money | None = field(default_factory=lambda: Money.whole(1_000_000, KES))
    pause: asyncio.Event | None = None

    async def collected(self, reference: str, receipt: str) -> Money | None:
        if self.pause is not None:
            await self.pause.wait()
        return self.collections.get(receipt)

    async def payout_refused(self, reference: str) -> bool:
        return reference in self.refused_payouts

    async def float_held(self) -> Money:
        if self.held is None:
            raise OperatorDown("It is down.")
        return self.held


@dataclass
class PaperJournal:
    """A journal that a test can read."""

    signed: dict[bytes, Signed] = field(default_factory=dict)

    def signed_for(self, receipt_hash: bytes) -> Signed | None:
        return self.signed.get(receipt_hash)

    def record(self, entries: Sequence[Entry]) -> None:
        self.signed |= {each.receipt_hash: Signed(each.amount, each.number) for each in entries}


@dataclass
class SeenChain:
    """Which numbers the registry has minted."""

    minted: set[int] = field(default_factory=set)

    async def is_minted(self, number: int) -> bool:
        return number in self.minted


@dataclass
class Bench:
    """An attester between an operator, a journal and a chain."""

    operator: BookedOperator = field(
        default_factory=lambda: BookedOperator(
            collections={"RECEIPT": Money.whole(1_000, KES)}, refused_payouts={"ours"}
        )
    )
    journal: PaperJournal = field(default_factory=PaperJournal)
    chain: SeenChain = field(default_factory=SeenChain)

    def attester(self) -> Attester:
        operators = {RAIL: self.operator}
        return Attester(play_key("attester 1"), DEPLOYMENT, KEY, operators, self.journal, self.chain)

    def sign(self, request: StatementRequest, now: int = NOW) -> bytes:
        return asyncio.run(self.attester().sign(request, now))


def asked(
    *mints: Mint, number: int = 7, entry: dict[str, object] | None = None, **changes: object
) -> StatementRequest:
    """A request that is in order but for the named fields of its statement, or of its entries.

    Entries are numbered from ``number`` on.
    """
    mints = mints or (mint_of(1_000),)
    entries = [
        Entry(number + at, mint.amount.minor, mint_receipt_hash(KEY, mint)) for at, mint in enumerate(mints)
    ]
    statement = Statement(
        token=TOKEN,
        to=ROUTER,
        entries=tuple(dataclasses.replace(each, **(entry or {})) for each in entries),  # type: ignore[arg-type]
        reserves=Money.whole(500_000, CKES).minor,
        observed_at=NOW - 5,
        expires_at=NOW + 600,
    )
    changed = dataclasses.replace(statement, **changes)  # type: ignore[arg-type]
    return StatementRequest(1, mints[0].amount.currency, mints, changed)


def mint_of(whole: int, source: Source = Source.COLLECT, receipt: str = "RECEIPT") -> Mint:
    return Mint(Money.whole(whole, CKES), source, RAIL, "ours", receipt)


SECOND = mint_of(200, receipt="SECOND")


def test_it_signs_what_it_sees() -> None:
    bench, request = Bench(), asked()
    signature = bench.sign(request)
    digest = request.statement.digest(298, REGISTRY)
    assert recover_address(digest, signature) == play_key("attester 1").address.lower()
    (entry,) = request.statement.entries
    assert bench.journal.signed == {entry.receipt_hash: Signed(entry.amount, 7)}


BAD_FORMS: list[tuple[str, Callable[[], StatementRequest]]] = [
    ("another token", lambda: asked(token="0x" + "9" * 40)),
    ("another receiver", lambda: asked(to="0x" + "9" * 40)),
    ("another amount than the order", lambda: asked(entry={"amount": 1})),
    ("nothing", lambda: asked(entry={"amount": 0})),
    ("a receipt hash of another movement", lambda: asked(entry={"receipt_hash": bytes(32)})),
    ("seen too long ago", lambda: asked(observed_at=NOW - OBSERVED_SECONDS_MAX - 1)),
    ("seen in the future", lambda: asked(observed_at=NOW + OBSERVED_SECONDS_MAX + 1)),
    ("expired", lambda: asked(expires_at=NOW)),
    ("good for too long", lambda: asked(expires_at=NOW + LIFE_SECONDS_MAX + 1)),
    ("one movement twice", lambda: asked(mint_of(1_000), mint_of(1_000))),
    ("one number twice", lambda: asked(mint_of(1_000), SECOND, entry={"number": 7})),
    ("an unknown rail", lambda: asked(Mint(Money.whole(1, CKES), Source.COLLECT, "other", "ours", "R"))),
    ("a token we do not issue", lambda: asked(Mint(Money.whole(1, USDC), Source.CAPITAL, RAIL, "c", ""))),
]


@pytest.mark.parametrize("make", [each[1] for each in BAD_FORMS], ids=[each[0] for each in BAD_FORMS])
def test_it_refuses_a_statement_that_says(make: Callable[[], StatementRequest]) -> None:
    bench = Bench()
    with pytest.raises(Refused):
        bench.sign(make())
    assert bench.journal.signed == {}


def test_it_refuses_a_receipt_that_the_operator_does_not_know() -> None:
    with pytest.raises(Refused):
        Bench().sign(asked(mint_of(1_000, receipt="NEVER")))


def test_it_refuses_more_than_the_operator_collected() -> None:
    with pytest.raises(Refused):
        Bench().sign(asked(mint_of(1_001)))


def test_it_signs_less_than_was_collected_because_fees_are_not_minted() -> None:
    assert Bench().sign(asked(mint_of(995)))


def test_it_refuses_a_collection_in_another_currency() -> None:
    bench = Bench(BookedOperator(collections={"RECEIPT": Money.whole(1_000, NGN)}))
    with pytest.raises(Refused):
        bench.sign(asked())


def test_it_refuses_a_payout_that_did_not_fail() -> None:
    with pytest.raises(Refused):
        Bench(BookedOperator()).sign(asked(mint_of(10, Source.PAYOUT_FAILED, "")))


def test_it_signs_for_a_payout_that_failed() -> None:
    assert Bench().sign(asked(mint_of(10, Source.PAYOUT_FAILED, "")))


def test_it_refuses_more_reserves_than_the_float_holds() -> None:
    bench = Bench()
    bench.operator.held = Money.whole(499_999, KES)
    with pytest.raises(Refused):
        bench.sign(asked())
    with pytest.raises(Refused):
        bench.sign(asked(mint_of(100, Source.CAPITAL, "")))


def test_it_refuses_when_the_float_is_another_currency() -> None:
    bench = Bench()
    bench.operator.held = Money.whole(1_000_000, NGN)
    with pytest.raises(Refused):
        bench.sign(asked())


def test_it_signs_nothing_while_the_operator_is_silent() -> None:
    bench = Bench()
    bench.operator.held = None
    with pytest.raises(JuaError):
        bench.sign(asked())
    assert bench.journal.signed == {}


def test_it_refuses_another_amount_for_a_receipt_that_it_signed() -> None:
    bench = Bench()
    bench.sign(asked())
    with pytest.raises(Refused):
        bench.sign(asked(mint_of(900)))


def test_it_signs_the_same_again_only_while_the_chain_has_not_minted() -> None:
    bench = Bench()
    bench.sign(asked())
    assert bench.sign(asked(reserves=1_000))
    bench.chain.minted.add(7)
    with pytest.raises(Refused):
        bench.sign(asked(reserves=2_000))


def test_it_binds_a_receipt_to_one_number_for_ever() -> None:
    bench, later = Bench(), NOW + 1_000_000
    bench.sign(asked())
    with pytest.raises(Refused):
        bench.sign(asked(number=8))
    with pytest.raises(Refused):
        bench.sign(asked(number=8, observed_at=later, expires_at=later + 600), later)
    assert bench.sign(asked(observed_at=later, expires_at=later + 600), later)


def test_it_signs_many_receipts_at_once() -> None:
    bench = Bench()
    bench.operator.collections["SECOND"] = Money.whole(200, KES)
    request = asked(mint_of(1_000), SECOND)
    assert recover_address(request.statement.digest(298, REGISTRY), bench.sign(request))
    assert [each.number for each in bench.journal.signed.values()] == [7, 8]


def test_it_names_the_entries_that_it_does_not_sign_and_signs_none() -> None:
    bench = Bench()
    with pytest.raises(EntriesRefused) as refused:
        bench.sign(asked(mint_of(1_000), SECOND, mint_of(3, Source.PAYOUT_FAILED, "")))
    assert refused.value.numbers == (8,)
    assert bench.journal.signed == {}


def test_it_names_nothing_when_it_signs_none_of_them() -> None:
    with pytest.raises(Refused) as refused:
        Bench().sign(asked(SECOND, mint_of(5, receipt="THIRD")))
    assert not isinstance(refused.value, EntriesRefused)


def test_two_amounts_asked_for_at_once_get_one_signature() -> None:
    bench = Bench()
    bench.operator.pause = asyncio.Event()

    async def at_once() -> list[object]:
        attester = bench.attester()
        both = [asyncio.create_task(attester.sign(asked(mint_of(each)), NOW)) for each in (1_000, 900)]
        await asyncio.sleep(0)
        assert bench.operator.pause is not None
        bench.operator.pause.set()
        return list(await asyncio.gather(*both, return_exceptions=True))

    answers = asyncio.run(at_once())
    assert sum(isinstance(each, bytes) for each in answers) == 1
    assert sum(isinstance(each, Refused) for each in answers) == 1
