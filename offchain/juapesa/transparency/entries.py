"""What the registry's events say, and the bytes they are hashed to.

Encodings are those that contracts/interfaces/IAttestationRegistry.sol documents.
"""

from dataclasses import dataclass

from eth_abi.abi import decode, encode

from juapesa.crypto import checksum_address, keccak256
from juapesa.transparency.merkle import leaf_hash
from juapesa.transparency.node import Log

STATEMENT_TYPE = "(address,address,uint64,bytes32,uint64,uint64,uint64,bytes32)"
STATEMENT_TYPEHASH = keccak256(
    b"CustodyStatement(address token,address to,uint64 amount,bytes32 receipt,uint64 reserves,"
    b"uint64 observedAt,uint64 expiresAt,bytes32 nonce)"
)
DOMAIN_TYPEHASH = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
APPENDED = keccak256(b"Appended(uint64,address,bytes32,int64,uint64,bytes32,address,uint64,bytes32)")
ATTESTED = keccak256(b"Attested(bytes32," + STATEMENT_TYPE.encode() + b",bytes[])")
ATTESTERS_CHANGED = keccak256(b"AttestersChanged(address[],uint8)")
LEAF_VERSION = 1


@dataclass(frozen=True)
class Statement:
    """A custody statement; amounts in base units of the token, times in unix seconds."""

    token: str
    to: str
    amount: int
    receipt: bytes
    reserves: int
    observed_at: int
    expires_at: int
    nonce: bytes

    def digest(self, chain_id: int, registry: str) -> bytes:
        """The EIP-712 digest that attesters sign, which is also the statement's id."""
        domain = keccak256(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [DOMAIN_TYPEHASH, keccak256(b"Jua Pesa Attestation"), keccak256(b"1"), chain_id, registry],
            )
        )
        money = (self.token, self.to, self.amount, self.receipt, self.reserves)
        body = (*money, self.observed_at, self.expires_at, self.nonce)
        return keccak256(
            b"\x19\x01" + domain + keccak256(STATEMENT_TYPEHASH + encode([STATEMENT_TYPE], [body]))
        )


@dataclass(frozen=True)
class Attested:
    """The statement and signatures behind a mint."""

    statement_id: bytes
    statement: Statement
    signatures: list[bytes]


@dataclass(frozen=True)
class Appended:
    """One entry of the log. ``delta`` > 0 is a mint, < 0 a burn."""

    index: int
    token: str
    receipt: bytes
    delta: int
    supply_after: int
    statement_id: bytes
    actor: str
    time: int
    leaf: bytes

    def recomputed_leaf(self, chain_id: int) -> bytes:
        """The leaf hash that these fields should have."""
        return leaf_hash(
            LEAF_VERSION.to_bytes(1, "big")
            + self.index.to_bytes(8, "big")
            + chain_id.to_bytes(8, "big")
            + bytes.fromhex(self.token[2:])
            + self.delta.to_bytes(8, "big", signed=True)
            + self.supply_after.to_bytes(8, "big")
            + self.receipt
            + self.statement_id
            + bytes.fromhex(self.actor[2:])
            + self.time.to_bytes(8, "big")
        )


@dataclass(frozen=True)
class AttestersChanged:
    """From here on these addresses count, and this many must sign."""

    attesters: list[str]
    quorum: int


def read(log: Log) -> Appended | Attested | AttestersChanged | None:
    """The event that a log is; None for one that says nothing about the log of entries."""
    kind = log.topics[0] if log.topics else b""
    if kind == APPENDED:
        return _appended(log)
    if kind == ATTESTED:
        (said, signatures) = decode([STATEMENT_TYPE, "bytes[]"], log.data)
        token, to, *rest = said
        statement = Statement(_address(token), _address(to), *rest)
        return Attested(log.topics[1], statement, list(signatures))
    if kind == ATTESTERS_CHANGED:
        attesters, quorum = decode(["address[]", "uint8"], log.data)
        return AttestersChanged([_address(each) for each in attesters], quorum)
    return None


def _appended(log: Log) -> Appended:
    delta, supply_after, statement_id, actor, time, leaf = decode(
        ["int64", "uint64", "bytes32", "address", "uint64", "bytes32"], log.data
    )
    return Appended(
        index=int.from_bytes(log.topics[1], "big"),
        token=checksum_address(log.topics[2][12:]),
        receipt=log.topics[3],
        delta=delta,
        supply_after=supply_after,
        statement_id=statement_id,
        actor=_address(actor),
        time=time,
        leaf=leaf,
    )


def _address(decoded: str) -> str:
    return checksum_address(bytes.fromhex(decoded[2:]))
