"""Items for the router, built at the contracts' own level: statements signed by play attesters."""

from dataclasses import dataclass
from typing import Any

from juapesa.chain import abi
from juapesa.crypto import keccak256
from juapesa.issuance.domain import Statement
from juapesa.money import CKES, CNGN, USDC, Currency
from support.evm import MIDS_E18, Chain, Signer


@dataclass
class Hub:
    """Sends items to a chain's router as its relayer; counts its own serial numbers."""

    chain: Chain
    serial: int = 0
    deadline_seconds: int = 600

    def fresh(self, what: str = "") -> bytes:
        self.serial += 1
        return keccak256(f"{what} {self.serial}".encode())

    def now(self) -> int:
        """The next block's time, as the chain counts it: neither the last block's nor the machine's."""
        return int(self.chain.node.ask("eth_getBlockByNumber", "pending", False)["timestamp"], 16)

    def statement(self, token: Currency, units: int, reserves: int | None = None) -> Statement:
        """Custody seen now, enough for every supply unless said otherwise."""
        now = self.now()
        return Statement(
            token=self.chain.deployment.tokens[token],
            to=self.chain.deployment.router,
            number=self.serial,
            amount=units,
            receipt_hash=self.fresh("receipt"),
            reserves=2**62 if reserves is None else reserves,
            observed_at=now,
            expires_at=now + self.deadline_seconds,
        )

    def signed(self, statement: Statement, signers: tuple[Signer, ...] | None = None) -> tuple[Any, ...]:
        """The mint order of a statement, signed by two of the three."""
        deployment = self.chain.deployment
        digest = statement.digest(deployment.chain_id, deployment.registry)
        signatures = [each.sign_digest(digest) for each in signers or self.chain.attesters[:2]]
        return (statement.abi_tuple(), statement.entries, b"".join(signatures))

    def item(
        self, *, mints: Any = (), swaps: Any = (), burns: Any = (), deposits: Any = ()
    ) -> tuple[Any, ...]:
        deadline = self.now() + self.deadline_seconds
        return (self.fresh("item"), deadline, mints, swaps, burns, deposits)

    def mint(self, token: Currency, units: int, reserves: int | None = None) -> tuple[Any, ...]:
        """An item that only mints into the hub."""
        return self.item(mints=[self.signed(self.statement(token, units, reserves))])

    def burn(self, token: Currency, units: int) -> tuple[Any, ...]:
        """An item that only burns from the hub."""
        return self.item(burns=[(self.chain.deployment.tokens[token], units, self.fresh("payout"))])

    def transfer(self, units: int) -> tuple[Any, ...]:
        """Mobile to mobile: mint cKES, cKES → USDC → cNGN, burn cNGN (a little less than comes out)."""
        tokens = self.chain.deployment.tokens
        dollars = units * MIDS_E18[CKES] // 10**18 * 99 // 100
        naira = dollars * 10**18 // MIDS_E18[CNGN] * 99 // 100
        return self.item(
            mints=[self.signed(self.statement(CKES, units))],
            swaps=[
                (tokens[CKES], tokens[USDC], units, dollars),
                (tokens[USDC], tokens[CNGN], dollars, naira),
            ],
            burns=[(tokens[CNGN], naira, self.fresh("payout"))],
        )

    def liquidity(self) -> None:
        """Local tokens into both pools, as a first start brings them; and fresh prices."""
        for token, units in ((CKES, 5_000_000 * 10**6), (CNGN, 50_000_000 * 10**6)):
            order = (self.chain.deployment.tokens[token], units)
            self.settle(self.item(mints=[self.signed(self.statement(token, units))], deposits=[order]))

    def prices(self) -> list[tuple[Any, ...]]:
        """The publisher's prices of this block."""
        deployment, now = self.chain.deployment, self.now()
        said = self.chain.prices(at=now)["prices"]
        tokens = {each.code: deployment.tokens[each] for each in (CKES, CNGN)}
        return [
            (tokens[each["symbol"]], int(each["midE18"]), now, bytes.fromhex(each["signature"][2:]))
            for each in said
        ]

    def settle(self, *items: tuple[Any, ...], prices: bool = True) -> dict[str, Any]:
        """One batch; its receipt. Every item in it settles."""
        receipt = self.attempt(*items, prices=prices)
        done = abi.topics_of(receipt["logs"], abi.ITEM_SETTLED, self.chain.deployment.router)
        assert len(done) == len(items), self.failures(receipt)
        return receipt

    def failures(self, receipt: dict[str, Any]) -> list[str]:
        """Why items of a batch failed, and prices in it were refused: names of errors."""
        router = self.chain.deployment.router
        refused = abi.Event("PriceRefused", ("address", "bytes"), (True, False))
        return [
            abi.error_name(event.read(log)[1])
            for event in (refused, abi.ITEM_FAILED)
            for log in abi.topics_of(receipt["logs"], event, router)
        ]

    def attempt(self, *items: tuple[Any, ...], prices: bool = True) -> dict[str, Any]:
        """One batch; its receipt, whatever became of the items."""
        data = abi.SETTLE.call(list(items), self.prices() if prices else [])
        node, relayer = self.chain.node, self.chain.relayer.address
        node.ask("anvil_impersonateAccount", relayer)
        receipt = node.send(data, self.chain.deployment.router, relayer)
        node.ask("anvil_stopImpersonatingAccount", relayer)
        return receipt
