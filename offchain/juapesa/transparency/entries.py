"""What the registry's events say.

Encodings are those that contracts/interfaces/IAttestationRegistry.sol documents.
"""

from dataclasses import dataclass

from eth_abi.abi import decode, encode

from juapesa.chain.log_entries import Entry, EntryKind, entries
from juapesa.crypto import checksum_address, keccak256
from juapesa.transparency.node import Log

STATEMENT_TYPE = "(address,address,uint64,bytes32,uint64,uint64,uint64)"
STATEMENT_TYPEHASH = keccak256(
    b"CustodyStatement(address token,address to,uint64 total,bytes32 entriesHash,uint64 reserves,"
    b"uint64 observedAt,uint64 expiresAt)"
)
REPORT_TYPE = "(uint8,address,uint64,bytes32,uint64,uint64)"
REPORT_TYPEHASH = keccak256(
    b"CustodyReport(uint8 kind,address token,uint64 amount,bytes32 receipt,"
    b"uint64 observedAt,uint64 expiresAt)"
)
DOMAIN_TYPEHASH = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
APPENDED = keccak256(b"Appended(uint64,address,uint8,uint64,bytes32,address,uint64,bytes)")
ATTESTED = keccak256(b"Attested(bytes32," + STATEMENT_TYPE.encode() + b",bytes,bytes)")
REPORTED = keccak256(b"Reported(bytes32," + REPORT_TYPE.encode() + b",bytes)")
ATTESTERS_CHANGED = keccak256(b"AttestersChanged(address[],uint8)")
STATEMENT_ENTRY_BYTES = 48  # number u64, amount u64, receipt 32
SIGNATURE_BYTES = 65


def _digest(chain_id: int, registry: str, struct: bytes) -> bytes:
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [DOMAIN_TYPEHASH, keccak256(b"Jua Pesa Attestation"), keccak256(b"1"), chain_id, registry],
    )
    return keccak256(b"\x19\x01" + keccak256(domain) + keccak256(struct))


@dataclass(frozen=True)
class Statement:
    """A custody statement; amounts in base units of the token, times in unix seconds."""

    token: str
    to: str
    total: int
    entries_hash: bytes
    reserves: int
    observed_at: int
    expires_at: int

    def digest(self, chain_id: int, registry: str) -> bytes:
        """The EIP-712 digest that attesters sign, which is also the statement's id."""
        money = (self.token, self.to, self.total, self.entries_hash, self.reserves)
        body = (*money, self.observed_at, self.expires_at)
        return _digest(chain_id, registry, STATEMENT_TYPEHASH + encode([STATEMENT_TYPE], [body]))


@dataclass(frozen=True)
class StatementEntry:
    """One receipt that a statement covers."""

    number: int
    amount: int
    receipt: bytes


@dataclass(frozen=True)
class Attested:
    """The statement, its entries as signed for, and the signatures behind a mint."""

    statement_id: bytes
    statement: Statement
    packed: bytes
    signatures: list[bytes]

    @property
    def entries(self) -> list[StatementEntry]:
        """Every entry of the statement, whether minted yet or not."""
        size = STATEMENT_ENTRY_BYTES
        torn = [self.packed[at : at + size] for at in range(0, len(self.packed), size)]
        return [
            StatementEntry(int.from_bytes(each[:8], "big"), int.from_bytes(each[8:16], "big"), each[16:])
            for each in torn
        ]


@dataclass(frozen=True)
class Report:
    """What attesters report about custody alone."""

    kind: int
    token: str
    amount: int
    receipt: bytes
    observed_at: int
    expires_at: int

    def digest(self, chain_id: int, registry: str) -> bytes:
        """The EIP-712 digest that attesters sign, which is also the report's id."""
        body = (self.kind, self.token, self.amount, self.receipt, self.observed_at, self.expires_at)
        return _digest(chain_id, registry, REPORT_TYPEHASH + encode([REPORT_TYPE], [body]))


@dataclass(frozen=True)
class Reported:
    """The report and the signatures behind an entry that is neither mint nor burn."""

    statement_id: bytes
    report: Report
    signatures: list[bytes]


@dataclass(frozen=True)
class Appended:
    """The entries that one call appended, in the log's order. ``supply_before`` as the event claims it."""

    entries: list[Entry]
    supply_before: int

    @property
    def kind(self) -> EntryKind:
        """The same for all of them."""
        return self.entries[0].kind


@dataclass(frozen=True)
class AttestersChanged:
    """From here on these addresses count, and this many must sign."""

    attesters: list[str]
    quorum: int


Event = Appended | Attested | Reported | AttestersChanged


def read(log: Log) -> Event | None:
    """The event that a log is; None for one that says nothing about the log of entries.

    Raises ValueError, IndexError or eth_abi's DecodingError for one that cannot be.
    """
    kind = log.topics[0] if log.topics else b""
    if kind == APPENDED:
        return _appended(log)
    if kind == ATTESTED:
        (said, packed, signatures) = decode([STATEMENT_TYPE, "bytes", "bytes"], log.data)
        token, to, *rest = said
        return Attested(
            log.topics[1], Statement(_address(token), _address(to), *rest), packed, _split(signatures)
        )
    if kind == REPORTED:
        (said, signatures) = decode([REPORT_TYPE, "bytes"], log.data)
        number, token, *rest = said
        return Reported(log.topics[1], Report(number, _address(token), *rest), _split(signatures))
    if kind == ATTESTERS_CHANGED:
        attesters, quorum = decode(["address[]", "uint8"], log.data)
        return AttestersChanged([_address(each) for each in attesters], quorum)
    return None


def _appended(log: Log) -> Appended:
    supply_before, statement_id, actor, time, packed = decode(
        ["uint64", "bytes32", "address", "uint64", "bytes"], log.data
    )
    index, kind = int.from_bytes(log.topics[1], "big"), int.from_bytes(log.topics[3], "big")
    token = checksum_address(log.topics[2][12:])
    appended = entries(index, token, kind, supply_before, statement_id, _address(actor), time, packed)
    return Appended(appended, supply_before)


def _split(signatures: bytes) -> list[bytes]:
    return [signatures[at : at + SIGNATURE_BYTES] for at in range(0, len(signatures), SIGNATURE_BYTES)]


def _address(decoded: str) -> str:
    return checksum_address(bytes.fromhex(decoded[2:]))
