"""What each action costs on chain: the third identical transaction, its 21,000 and call data included.

As the anchors beside it were measured: one local chain, plain ERC-20s in and out, everything warm,
each transaction in a block of its own, three seconds after the last.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from juapesa.chain import abi
from juapesa.crypto import Signer, keccak256
from juapesa.issuance.statements import Entry, Statement
from juapesa.measure.local_chain import CHAIN_ID, LocalChain

MIDS_E18 = {"cKES": 7_720_000_000_000_000, "cNGN": 650_000_000_000_000}
UNIT = 10**6
WHOLE_POOL = (0, 800, 100, 60, 900, 20_000, 20_000, 900_000, 500_000, 1_000_000, 1_000_000, 100_000)
MAX = 2**256 - 1
LATE = 2**32 - 1  # a deadline far off, seconds
LOG_SIZE = 2**20
ROOTS_SLOT = 74  # of the registry: where the roots at checkpoints are kept
BATCH = 100
NONE = 255

# What others cost, measured the same way (November 2026, anvil 1.7.1).
ANCHORS = {
    "swap": {"Uniswap v2 pair": 90_093, "Uniswap v4": 117_207, "Mento v3 with limits": 258_360},
    "swap_router": {"Uniswap v2 router": 97_653, "Mento v3 with limits": 258_360},
    "one_to_one": {"Sky LitePSM": 59_488},
    "add_liquidity": {"Uniswap v2 router": 119_732, "Curve StableSwap-NG": 150_924},
    "remove_liquidity": {"Uniswap v2 router": 119_675, "Curve StableSwap-NG": 112_889},
}

_SETTINGS = "(uint8,uint16,uint16,uint16,uint24,uint24,uint24,uint24,uint24,uint24,uint24,uint24)"
_PRICE = "(address,uint128,uint64,bytes)"
_GROUP = f"(address[],{abi.MINT}[],bytes)"
_MINT = abi.Function("mint", ("address", "uint64"))
_APPROVE = abi.Function("approve", ("address", "uint256"))
_PRICE_DIGEST = abi.Function("priceDigest", ("address", "uint128", "uint64"), ("bytes32",))
_SWAP = abi.Function("swap", ("address", "address", "uint64", "uint64", "address", "uint64"))
_SWAP_ROUTED = abi.Function("swapExactIn", ("address[]", "uint64", "uint64", "address", "uint64"))
_ADD = abi.Function("addLiquidity", ("address", "uint64", "uint64", "uint80", "uint8", "bool"))
_REMOVE = abi.Function("removeLiquidity", ("address", "uint80", "uint64", "uint64", "uint8", "bool"))
_CONVERT = abi.Function("convert", ("address", "address", "uint64", "address"))
_ATTESTED = abi.Function("mint", (abi.STATEMENT, "bytes", "uint256", "bytes"))
_INCLUSION = abi.Function("verifyInclusion", ("uint64", "uint64", "bytes32", "bytes32[]"), ("bool",))
_SETTLE = abi.Function("settle", (f"{_PRICE}[]", f"{_GROUP}[]"))


@dataclass
class Protocol:
    """The whole protocol on a chain of its own, governed by the account that measures."""

    chain: LocalChain
    signers: list[Signer] = field(default_factory=list)
    number: int = 0
    words: int = 0

    def deploy(self) -> None:
        """Contracts, roles, prices, liquidity."""
        chain, me = self.chain, self.chain.accounts[0]
        keys = (Signer.from_private_key(keccak256(f"measure {n}".encode())) for n in range(3))
        self.signers = sorted(keys, key=lambda each: each.address.lower())
        addresses = [each.address for each in self.signers]
        self.governance = chain.deploy("Governance", ("address",), (me,))
        self.usdc = chain.deploy("TestUSDC")
        registry = ("address", "address[]", "uint8", "uint64")
        self.registry = chain.deploy("AttestationRegistry", registry, (self.governance, addresses, 2, 600))
        desk = chain.deploy("PoolsDesk", ("address", "address"), (self.governance, self.usdc))
        three = ("address", "address", "address")
        self.pools = chain.deploy("Pools", three, (self.governance, self.usdc, desk))
        self.router = chain.deploy("Router", three, (self.governance, self.registry, self.pools))
        self.local = {symbol: self._local(symbol) for symbol in MIDS_E18}
        self.plain = {symbol: chain.deploy("TestUSDC") for symbol in MIDS_E18}
        self._appoint(addresses)
        for symbol in MIDS_E18:
            self._mint_local(self.local[symbol], me, 10**15)
            self._open(symbol, self.local[symbol])
            chain.send(self.plain[symbol], _MINT, me, 2**60)
            self._open(symbol, self.plain[symbol])

    def price(self, symbol: str, token: str) -> None:
        """A price agreed by three publishers now."""
        update = abi.Function("updatePrices", (f"{_PRICE}[]",))
        self.chain.send(self.pools, update, self._signed_prices(symbol, token))

    def attested(self, token: str, to: str, amount: int, count: int = 1) -> tuple[Any, ...]:
        """Statement, entries, which of them (all), and signatures of a mint of new receipts."""
        statement = self._statement(token, to, amount, count)
        return (statement.abi_tuple(), statement.packed, (1 << count) - 1, self._sign(statement))

    def group(self, count: int, shillings: int) -> tuple[Any, ...]:
        """``count`` transfers cKES → cNGN under one statement, each minted, swapped and burnt."""
        statement = self._statement(self.local["cKES"], self.router, shillings, count)
        naira = shillings * MIDS_E18["cKES"] // MIDS_E18["cNGN"] * 97 // 100
        items = b"".join(
            entry.number.to_bytes(8, "big")
            + statement.expires_at.to_bytes(5, "big")
            + bytes((1, 2, 0, at, 2))
            + b"".join(each.to_bytes(8, "big") for each in (shillings, naira, naira))
            + self._word()
            for at, entry in enumerate(statement.entries)
        )
        order = (statement.abi_tuple(), statement.packed, self._sign(statement))
        return ([self.usdc, self.local["cKES"], self.local["cNGN"]], [order], items)

    def _statement(self, token: str, to: str, amount: int, count: int) -> Statement:
        now = self.chain.now()
        first = self.number + 1
        self.number += count
        entries = tuple(Entry(first + at, amount, self._word()) for at in range(count))
        return Statement(token, to, entries, 2**62, now, now + 500)

    def prove_in_a_million(self) -> int:
        """Gas of one inclusion proof at 2^20 entries; the root is put where a checkpoint would be."""
        leaf, proof, index = self._word(), [self._word() for _ in range(20)], LOG_SIZE * 7 // 9
        root = leaf
        for level, sibling in enumerate(proof):
            pair = sibling + root if index >> level & 1 else root + sibling
            root = hashlib.sha256(b"\x01" + pair).digest()
        slot = keccak256(LOG_SIZE.to_bytes(32, "big") + ROOTS_SLOT.to_bytes(32, "big"))
        self.chain.ask("anvil_setStorageAt", self.registry, "0x" + slot.hex(), "0x" + root.hex())
        assert self.chain.read(self.registry, _INCLUSION, index, LOG_SIZE, leaf, proof) == (True,)
        return self.chain.send(self.registry, _INCLUSION, index, LOG_SIZE, leaf, proof)

    def _word(self) -> bytes:
        """32 bytes like a hash; the same in every run, so that gas is repeated to the unit."""
        self.words += 1
        return keccak256(f"measured {self.words}".encode())

    def _local(self, symbol: str) -> str:
        kinds = ("string", "string", "address")
        return self.chain.deploy("LocalToken", kinds, (symbol, symbol, self.registry))

    def _appoint(self, publishers: list[str]) -> None:
        chain, me = self.chain, self.chain.accounts[0]
        allow = ("address", "bool")
        chain.send(self.registry, abi.Function("setIssuer", allow), self.router, True)  # noqa: FBT003
        chain.send(self.registry, abi.Function("setIssuer", allow), me, True)  # noqa: FBT003
        chain.send(self.pools, abi.Function("setRouter", allow), self.router, True)  # noqa: FBT003
        chain.send(self.router, abi.Function("setRelayer", allow), me, True)  # noqa: FBT003
        for each in publishers:
            chain.send(self.pools, abi.Function("setPublisher", allow), each, True)  # noqa: FBT003
        limit = abi.Function("configureToken", ("address", "uint64", "uint32"))
        for token in self.local.values():
            chain.send(self.registry, limit, token, 2**62, 60)
        for token in (self.usdc, *self.local.values()):
            chain.send(self.router, abi.Function("prepare", ("address",)), token)

    def _open(self, symbol: str, token: str) -> None:
        chain, me = self.chain, self.chain.accounts[0]
        chain.send(self.pools, abi.Function("configure", ("address", _SETTINGS)), token, WHOLE_POOL)
        step = abi.Function("configurePrice", ("address", "uint24", "uint8"))
        chain.send(self.pools, step, token, 20_000, 3)
        self.price(symbol, token)
        dollars = 100_000 * UNIT
        chain.send(self.usdc, _MINT, me, dollars * 10)
        for each in (token, self.usdc):
            chain.send(each, _APPROVE, self.pools, MAX)
        units = dollars * 10**18 // MIDS_E18[symbol]
        chain.send(self.pools, _ADD, token, units, dollars, 0, 0, False)  # noqa: FBT003

    def _mint_local(self, token: str, to: str, amount: int) -> None:
        self.chain.send(self.registry, _ATTESTED, *self.attested(token, to, amount))

    def _sign(self, statement: Statement) -> bytes:
        digest = statement.digest(CHAIN_ID, self.registry)
        return b"".join(each.sign_digest(digest) for each in self.signers[:2])

    def _signed_prices(self, symbol: str, token: str) -> list[tuple[Any, ...]]:
        mid, at = MIDS_E18[symbol], self.chain.now() - 1
        digest = self.chain.read(self.pools, _PRICE_DIGEST, token, mid, at)[0]
        return [(token, mid, at, each.sign_digest(digest)) for each in self.signers]


def measure(chain: LocalChain, say: Callable[[str], None]) -> dict[str, int]:
    """Gas by action. Raises MeasurementFailed, Unavailable."""
    say("deploying")
    protocol = Protocol(chain)
    protocol.deploy()
    found: dict[str, int] = {}
    for name, act in _actions(protocol).items():
        say(name)
        act()
        act()
        found[name] = act()
    plain = found.pop("plain_mint")
    found["attested_mint_over_plain"] = found.pop("attested_mint") - plain
    found["attested_mint_over_plain_each_100"] = (found.pop("attested_mint_100") - plain) // BATCH
    found["batch_100_each"] = found.pop("batch_100") // BATCH
    return found


def _actions(protocol: Protocol) -> dict[str, Callable[[], int]]:
    chain, me, usdc = protocol.chain, protocol.chain.accounts[0], protocol.usdc
    kes, ngn = protocol.plain["cKES"], protocol.plain["cNGN"]
    pegged = sorted((kes, ngn), key=lambda each: int(each, 16))

    def priced(act: Callable[[], int]) -> Callable[[], int]:
        def run() -> int:
            for symbol, token in protocol.plain.items():
                protocol.price(symbol, token)
            for symbol, token in protocol.local.items():
                protocol.price(symbol, token)
            return act()

        return run

    def swap(token_in: str, token_out: str, amount: int) -> Callable[[], int]:
        return priced(lambda: chain.send(protocol.pools, _SWAP, token_in, token_out, amount, 1, me, LATE))

    def routed() -> int:
        return chain.send(protocol.router, _SWAP_ROUTED, [kes, usdc], 1_000 * UNIT, 1, me, LATE)

    def batch(count: int) -> Callable[[], int]:
        return priced(lambda: chain.send(protocol.router, _SETTLE, [], [protocol.group(count, 100 * UNIT)]))

    def convert() -> int:
        return chain.send(protocol.pools, _CONVERT, kes, ngn, 1_000 * UNIT, me)

    _peg(protocol, pegged)
    chain.send(protocol.pools, abi.Function("allowRouter", ("address", "bool")), protocol.router, True)  # noqa: FBT003
    add = (kes, 10**12, 10**9, 0, 0, False)
    remove = (kes, 10**8, 0, 0, 0, False)
    return {
        "swap": swap(kes, usdc, 1_000 * UNIT),
        "swap_router": priced(routed),
        "two_hop": swap(kes, ngn, 1_000 * UNIT),
        "one_to_one": convert,
        "add_liquidity": priced(lambda: chain.send(protocol.pools, _ADD, *add)),
        "remove_liquidity": priced(lambda: chain.send(protocol.pools, _REMOVE, *remove)),
        "attested_mint": lambda: chain.send(
            protocol.registry, _ATTESTED, *protocol.attested(protocol.local["cKES"], me, UNIT)
        ),
        "attested_mint_100": lambda: chain.send(
            protocol.registry, _ATTESTED, *protocol.attested(protocol.local["cKES"], me, UNIT, BATCH)
        ),
        "plain_mint": lambda: chain.send(kes, _MINT, me, UNIT),
        "inclusion_proof_1m": protocol.prove_in_a_million,
        "batch_1": batch(1),
        "batch_100": batch(BATCH),
    }


def _peg(protocol: Protocol, pegged: list[str]) -> None:
    """One for one between two tokens, as if they were of one currency."""
    chain, me = protocol.chain, protocol.chain.accounts[0]
    for token in pegged:
        chain.send(
            protocol.pools, abi.Function("deposit", ("address", "uint64", "address")), token, 10**13, me
        )
    configure = abi.Function("configurePeg", ("address", "address", "uint16", "uint40", "uint40"))
    chain.send(protocol.pools, configure, *pegged, 100, 10**9, 10**9)
    fund = abi.Function("fundPeg", ("address", "address", "int64", "int64"))
    chain.send(protocol.pools, fund, *pegged, 10**13, 10**13)
