"""The pools alone on a chain: plain tokens, three publishers, one account that governs and provides."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi import encode

from juapesa.chain import abi
from juapesa.crypto import Signer, keccak256
from juapesa.pools import calls
from juapesa.pools.price_model import KeptPrice
from support.evm import REPOSITORY, Node, play_key

MIDS_E18 = {"cKES": 7_720_000_000_000_000, "cNGN": 650_000_000_000_000}
SETTINGS = (0, 800, 100, 60, 900, 20_000, 20_000, 900_000, 500_000, 1_000_000, 1_000_000, 100_000)
SETTINGS_TYPE = "(uint8,uint16,uint16,uint16,uint24,uint24,uint24,uint24,uint24,uint24,uint24,uint24)"
PRICE_TYPE = "(address,uint128,uint64,bytes)"
LATE = 2**32 - 1  # seconds

MINT = abi.Function("mint", ("address", "uint256"))
APPROVE = abi.Function("approve", ("address", "uint256"))
CONFIGURE = abi.Function("configure", ("address", SETTINGS_TYPE))
CONFIGURE_PRICE = abi.Function("configurePrice", ("address", "uint24", "uint8"))
SET_PUBLISHER = abi.Function("setPublisher", ("address", "bool"))
UPDATE_PRICES = abi.Function("updatePrices", (PRICE_TYPE + "[]",))
PRICE_DIGEST = abi.Function("priceDigest", ("address", "uint128", "uint64"), ("bytes32",))
ADD = abi.Function("addLiquidity", ("address", "uint64", "uint64", "uint80", "uint8", "bool"))
REMOVE = abi.Function("removeLiquidity", ("address", "uint80", "uint64", "uint64", "uint8", "bool"))
DEPOSIT = abi.Function("deposit", ("address", "uint64", "address"))
CONFIGURE_PEG = abi.Function("configurePeg", ("address", "address", "uint16", "uint40", "uint40"))
FUND_PEG = abi.Function("fundPeg", ("address", "address", "int64", "int64"))
CONVERT = abi.Function("convert", ("address", "address", "uint64", "address"), ("uint64",))
SWAP = abi.Function("swap", ("address", "address", "uint64", "uint64", "address", "uint64"), ("uint64",))


def creation(file: str, contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> bytes:
    """Creation code with its arguments, from forge's output."""
    artifact = json.loads((REPOSITORY / "out" / f"{file}.sol" / f"{contract}.json").read_text())
    return bytes.fromhex(artifact["bytecode"]["object"].removeprefix("0x")) + encode(types, values)


@dataclass(frozen=True)
class PoolsChain:
    """Deployed pools ``token/USDC``, a hundred thousand dollars on each side."""

    node: Node
    pools: str
    tokens: dict[str, str]
    publishers: tuple[Signer, ...]

    def send(self, function: abi.Function, *values: Any, to: str | None = None) -> dict[str, Any]:
        """A transaction to the pools (or ``to``) by the account that governs; its receipt."""
        return self.node.send(function.call(*values), to or self.pools)

    def price(self, symbol: str, mid_e18: int) -> None:
        """A price agreed by all publishers, observed at the newest block."""
        token, at = self.tokens[symbol], self.node.now()
        digest = self.node.read(self.pools, PRICE_DIGEST, token, mid_e18, at)[0]
        signed = [(token, mid_e18, at, each.sign_digest(digest)) for each in self.publishers]
        self.send(UPDATE_PRICES, signed)

    def price_of(self, symbol: str) -> KeptPrice:
        """The price kept on chain."""
        mid, doubt, at, _, step, sources = self.node.read(self.pools, calls.PRICE_OF, self.tokens[symbol])[0]
        return KeptPrice(mid, doubt, at, step, sources)

    def add_publisher(self, name: str) -> bytes:
        """One more publisher; its private key."""
        self.send(SET_PUBLISHER, play_key(name).address, True)
        return keccak256(f"juapesa tests {name}".encode())


def deploy_pools(node: Node) -> PoolsChain:
    """As a network has them, with plain tokens."""
    admin = node.account()

    def make(file: str, contract: str, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        return str(node.send(creation(file, contract, types, values))["contractAddress"])

    manager = make("AccessManager", "AccessManager", ("address",), (admin,))
    tokens = {
        symbol: make("PoolsBase", "PlainToken", ("string", "uint8"), (symbol, 6))
        for symbol in ("USDC", *MIDS_E18)
    }
    usdc = tokens["USDC"]
    desk = make("PoolsDesk", "PoolsDesk", ("address", "address"), (manager, usdc))
    pools = make("Pools", "Pools", ("address", "address", "address"), (manager, usdc, desk))
    keys = sorted((play_key(f"publisher {n}") for n in range(3)), key=lambda key: key.address.lower())
    made = PoolsChain(node, pools, tokens, tuple(keys))
    for key in keys:
        made.send(SET_PUBLISHER, key.address, True)
    for token in tokens.values():
        made.send(MINT, admin, 2**60, to=token)
        made.send(APPROVE, pools, 2**256 - 1, to=token)
    for symbol, mid in MIDS_E18.items():
        made.send(CONFIGURE, tokens[symbol], SETTINGS)
        made.send(CONFIGURE_PRICE, tokens[symbol], 20_000, 3)
        made.price(symbol, mid)
        made.send(ADD, tokens[symbol], 10**11 * 10**18 // mid, 10**11, 0, 0, False)
    return made


def storage_slot(key: str, mapping: int, offset: int = 0) -> str:
    """Where a mapping by address keeps a word, ``offset`` words into its value."""
    slot = keccak256(bytes(12) + bytes.fromhex(key[2:]) + mapping.to_bytes(32, "big"))
    return f"0x{int.from_bytes(slot, 'big') + offset:064x}"
