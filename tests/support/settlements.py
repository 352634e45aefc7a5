"""Items for the router, sent without the relay: statements signed by play attesters."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from juapesa.chain import abi
from juapesa.crypto import Signer
from juapesa.issuance import batches
from juapesa.issuance.batches import Ready, Signed, Verdict
from juapesa.issuance.domain import Mint, Orders, Source, Swap
from juapesa.issuance.statements import Entry, Statement, mint_receipt_hash
from juapesa.money import CKES, CNGN, USDC, Currency, Money
from support.evm import MIDS_E18, Chain

KEY = b"\x07" * 32
ENOUGH = 2**62
POOL_USDC = 100_000 * 10**6
# As much of each token as a hundred thousand dollars, nearly.
POOL_TOKENS = {CKES: 13_000_000 * 10**6, CNGN: 150_000_000 * 10**6}


@dataclass(frozen=True)
class Wanted:
    """What one item shall do, and the custody that its statement claims."""

    orders: Orders
    reserves: int = ENOUGH


@dataclass
class Hub:
    """Sends items to a chain's router as its relayer; counts its own serial numbers."""

    chain: Chain
    serial: int = 0
    deadline_seconds: int = 600

    def now(self) -> int:
        """The next block's time, as the chain counts it: neither the last block's nor the machine's."""
        return int(self.chain.node.ask("eth_getBlockByNumber", "pending", False)["timestamp"], 16)

    def mint_of(self, token: Currency, units: int) -> Mint:
        """A collection that nobody has minted against."""
        return Mint(Money(units, token), Source.COLLECT, "rail", str(uuid.uuid4()), "")

    def mint(self, token: Currency, units: int, reserves: int = ENOUGH) -> Wanted:
        """An item that only mints into the hub."""
        return Wanted(Orders(mint=self.mint_of(token, units)), reserves)

    def burn(self, token: Currency, units: int) -> Wanted:
        """An item that only burns from the hub."""
        return Wanted(Orders(burn=Money(units, token)))

    def transfer(self, units: int) -> Wanted:
        """Mobile to mobile: mint cKES, cKES → USDC → cNGN, burn cNGN (a little less than comes out)."""
        dollars = units * MIDS_E18[CKES] // 10**18
        naira = Money(dollars * 10**18 // MIDS_E18[CNGN] * 98 // 100, CNGN)
        mint = self.mint_of(CKES, units)
        return Wanted(Orders(mint=mint, swap=Swap(mint.amount, naira), burn=naira))

    def liquidity(self, kept: int = 0) -> None:
        """Both pools' first liquidity, as a first start brings it, and prices; the hub keeps ``kept``."""
        for token, units in POOL_TOKENS.items():
            self.settle(self.mint(token, units + kept))
            address = self.chain.deployment.tokens[token]
            self.send(abi.PROVIDE.call(address, units, POOL_USDC, 0))

    def ready(self, wanted: Sequence[Wanted]) -> list[Ready]:
        """Items with numbers; mints of one token that claim the same custody share a statement."""
        numbers = range(self.serial + 1, self.serial + len(wanted) + 1)
        self.serial += len(wanted)
        numbered = list(zip(numbers, wanted, strict=True))
        signed: dict[tuple[Currency, int], Signed] = {}
        for token, reserves in {_claim(each) for each in wanted if each.orders.mint}:
            signed[token, reserves] = self.signed(
                self.statement(
                    token,
                    [
                        self.entry(number, each)
                        for number, each in numbered
                        if _claim(each) == (token, reserves)
                    ],
                    reserves,
                )
            )
        deadline = self.now() + self.deadline_seconds
        return [
            Ready(uuid.uuid4(), number, each.orders, deadline, 0, signed.get(_claim(each)))
            for number, each in numbered
        ]

    def entry(self, number: int, wanted: Wanted) -> Entry:
        mint = wanted.orders.mint
        assert mint is not None
        return Entry(number, mint.amount.minor, mint_receipt_hash(KEY, mint))

    def statement(self, token: Currency, entries: Sequence[Entry], reserves: int = ENOUGH) -> Statement:
        """Custody seen now."""
        now, deployment = self.now(), self.chain.deployment
        expires_at = now + self.deadline_seconds
        return Statement(
            deployment.tokens[token], deployment.router, tuple(entries), reserves, now, expires_at
        )

    def signed(self, statement: Statement, signers: tuple[Signer, ...] | None = None) -> Signed:
        """The statement, signed by two of the three."""
        deployment = self.chain.deployment
        digest = statement.digest(deployment.chain_id, deployment.registry)
        signatures = [each.sign_digest(digest) for each in signers or self.chain.attesters[:2]]
        return Signed(statement, tuple(signatures))

    def settle(self, *wanted: Wanted, prices: bool = True) -> dict[str, Any]:
        """One batch; its receipt. Every item in it settles."""
        receipt, verdicts = self.attempt(*wanted, prices=prices)
        assert [each.reason for each in verdicts] == [""] * len(wanted)
        return receipt

    def attempt(self, *wanted: Wanted, prices: bool = True) -> tuple[dict[str, Any], list[Verdict]]:
        """One batch; its receipt, and what became of each item."""
        items, deployment = self.ready(wanted), self.chain.deployment
        groups = [each.abi_tuple() for each in batches.groups(items, deployment, KEY)]
        carried = self.chain.signed_prices(self.now()) if prices else []
        data = abi.SETTLE.call(carried, groups)
        receipt = self.send(data)
        assert not abi.topics_of(receipt["logs"], abi.PRICES_REFUSED, deployment.router)
        said = batches.verdicts(data, receipt, deployment.router)
        return receipt, [said[each.number] for each in items]

    def send(self, data: bytes) -> dict[str, Any]:
        """A transaction to the router by its relayer; its receipt."""
        node, relayer = self.chain.node, self.chain.relayer.address
        node.ask("anvil_impersonateAccount", relayer)
        receipt = node.send(data, self.chain.deployment.router, relayer)
        node.ask("anvil_stopImpersonatingAccount", relayer)
        return receipt


def _claim(wanted: Wanted) -> tuple[Currency, int]:
    mint = wanted.orders.mint
    return (mint.amount.currency if mint else USDC, wanted.reserves)


def busy(chain: Chain) -> Hub:
    """A chain with six entries: two capital mints, a transfer (mint, burn), a mint and a burn."""
    hub = Hub(chain)
    hub.liquidity(kept=20 * 10**6)  # for the burn: no item lives off what another one only promises
    hub.settle(hub.transfer(1_000 * 10**6))
    hub.settle(hub.mint(CKES, 50 * 10**6, reserves=14 * 10**12), hub.burn(CKES, 20 * 10**6))
    return hub
