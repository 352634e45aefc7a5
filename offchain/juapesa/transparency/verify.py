"""An outsider's check of the attestation log, from chain data alone.

Everything is recomputed: each leaf from its event, the root from the leaves, every supply from the
deltas, every statement's digest and its signers. The contract's word is asked for only to be compared.
All reads are of one block. What this cannot show: that the attesters told the truth.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from juapesa.chain.log_entries import Entry, EntryKind
from juapesa.crypto import BadSignature, checksum_address, keccak256, recover_address
from juapesa.errors import InvalidInput
from juapesa.transparency.entries import (
    Appended,
    Attested,
    AttestersChanged,
    Event,
    Reported,
    StatementEntry,
    read,
)
from juapesa.transparency.merkle import Peaks, leaf_hash
from juapesa.transparency.node import Log, Node, NodeFault

FUTURE_TOLERANCE_SECONDS = 15
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class NotARegistry(InvalidInput):
    """The address is not one of an attestation registry on that chain."""

    slug = "not-a-registry"


@dataclass(frozen=True)
class TokenFigures:
    """A token's address, its supply and the custody last attested for it, in base units."""

    token: str
    supply: int
    custody: int


@dataclass(frozen=True)
class Verdict:
    """The outcome. ``first_fault`` names the first thing that is wrong; None when nothing is.

    ``roots``: of the sizes that were asked for, the roots that the log had then.
    """

    entries: int
    root: str
    tokens: list[TokenFigures]
    first_fault: str | None
    chain_id: int
    roots: dict[int, bytes] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.first_fault is None


class _Fault(Exception):
    """Something in the log does not hold; the text says what and where."""


@dataclass
class _Book:
    """The log so far, as the events tell it."""

    chain_id: int
    registry: str
    statement_age_seconds_max: int
    sizes: frozenset[int] = frozenset()
    roots: dict[int, bytes] = field(default_factory=dict)  # at those of the sizes that were reached
    peaks: Peaks = field(default_factory=Peaks)
    supply: dict[str, int] = field(default_factory=dict)
    custody: dict[str, int] = field(default_factory=dict)
    attesters: set[str] = field(default_factory=set)
    quorum: int = 0
    attested: Attested | None = None
    reported: Reported | None = None
    used: set[tuple[str, bytes]] = field(default_factory=set)
    last_time: int = 0
    marks: list[tuple[int, int, bytes]] = field(default_factory=list)  # (block, first entry, root after it)

    def mark(self, block: int, size_before: int) -> None:
        """Remember the root after a block's entries, to compare it with the contract's of that time."""
        if self.marks and self.marks[-1][0] == block:
            size_before = self.marks.pop()[1]
        self.marks.append((block, size_before, self.peaks.root()))

    def take(self, event: Event | None) -> None:
        """Check one event against everything before it. Raises _Fault."""
        match event:
            case AttestersChanged():
                self.attesters = {each.lower() for each in event.attesters}
                self.quorum = event.quorum
            case Attested():
                digest = event.statement.digest(self.chain_id, self.registry)
                self._check_signatures(event.statement_id, digest, event.signatures)
                self.attested = event
            case Reported():
                digest = event.report.digest(self.chain_id, self.registry)
                self._check_signatures(event.statement_id, digest, event.signatures)
                self.reported = event
            case Appended():
                self._append_all(event)

    def _append_all(self, event: Appended) -> None:
        where = f"entry {event.entries[0].index}"
        token = event.entries[0].token
        before = self.supply.get(token, 0)
        _require(event.supply_before == before, f"{where}: supply does not follow from the entries before")
        match event.kind:
            case EntryKind.MINT:
                self._check_mint(event.entries, where)
            case EntryKind.BURN:
                _require(event.entries[0].statement_id == bytes(32), f"{where}: a burn names a statement")
            case _:
                self._check_report(event.entries, where)
        for entry in event.entries:
            self._append(entry)

    def _append(self, entry: Entry) -> None:
        where = f"entry {entry.index}"
        _require(entry.index == self.peaks.size, f"{where}: entry {self.peaks.size} should come here")
        supply_moves = entry.kind in {EntryKind.MINT, EntryKind.BURN}
        _require(entry.amount != 0 or not supply_moves, f"{where}: an impossible amount")
        _require(entry.time >= self.last_time, f"{where}: time runs backwards")
        if supply_moves:
            self._use(entry.kind.name, entry.receipt, f"{where}: its receipt was used before")
        self.supply[entry.token] = entry.supply_after
        self.last_time = entry.time
        self.peaks.append(leaf_hash(entry.encoded(self.chain_id)))
        if self.peaks.size in self.sizes:
            self.roots[self.peaks.size] = self.peaks.root()

    def _check_mint(self, entries: list[Entry], where: str) -> None:
        last = entries[-1]
        if self.attested is None or self.attested.statement_id != last.statement_id:
            raise _Fault(f"{where}: minted without its custody statement")
        said, covered = self.attested.statement, self.attested.entries
        _require(
            keccak256(self.attested.packed) == said.entries_hash,
            f"{where}: the entries are not those signed for",
        )
        total = sum(each.amount for each in covered)
        _require(total == said.total, f"{where}: the statement's total is not the sum of its entries")
        _require(said.token == last.token, f"{where}: the statement is about another token")
        self._check_covered(entries, covered, where)
        self.attested = None
        _require(said.reserves >= last.supply_after, f"{where}: attested custody does not cover the supply")
        self._check_fresh(said.observed_at, said.expires_at, last.time, where)
        self.custody[last.token] = said.reserves

    def _check_covered(self, entries: list[Entry], covered: list[StatementEntry], where: str) -> None:
        """What was minted is some of what was signed for, in its order, each number for the first time."""
        signed = iter(covered)
        for entry in entries:
            found = next((each for each in signed if each.receipt == entry.receipt), None)
            if found is None or found.amount != entry.amount:
                raise _Fault(f"{where}: entry {entry.index} is not one that its statement covers")
            number = found.number.to_bytes(8, "big")
            self._use("number", number, f"{where}: number {found.number} was minted before")

    def _check_report(self, entries: list[Entry], where: str) -> None:
        if self.reported is None or self.reported.statement_id != entries[0].statement_id:
            raise _Fault(f"{where}: a report that nobody signed")
        said, entry = self.reported.report, entries[0]
        self.reported = None
        same = (said.kind, said.token, said.amount, said.receipt)
        _require(
            len(entries) == 1 and same == (entry.kind, entry.token, entry.amount, entry.receipt),
            f"{where}: the report is about something else",
        )
        self._check_fresh(said.observed_at, said.expires_at, entry.time, where)
        self._use("report", entry.statement_id, f"{where}: its report was written down before")

    def _check_fresh(self, observed_at: int, expires_at: int, time: int, where: str) -> None:
        timely = observed_at - FUTURE_TOLERANCE_SECONDS <= time <= expires_at
        fresh = time - observed_at <= self.statement_age_seconds_max
        _require(timely and fresh, f"{where}: the statement was not fresh")

    def _check_signatures(self, statement_id: bytes, digest: bytes, signatures: list[bytes]) -> None:
        where = f"statement before entry {self.peaks.size}"
        _require(digest == statement_id, f"{where}: its id is not its digest")
        try:
            signers = [recover_address(digest, signature) for signature in signatures]
        except BadSignature as fault:
            raise _Fault(f"{where}: {fault.detail}") from None
        ascending = all(int(one, 16) < int(other, 16) for one, other in pairwise(signers))
        _require(ascending, f"{where}: signers repeat or are out of order")
        _require(set(signers) <= self.attesters, f"{where}: a signer is no attester")
        _require(len(signers) >= self.quorum > 0, f"{where}: {len(signers)} of {self.quorum} signatures")

    def _use(self, kind: str, key: bytes, fault: str) -> None:
        _require((kind, key) not in self.used, fault)
        self.used.add((kind, key))


def verify(
    rpc_url: str, registry_address: str, from_block: int | None = None, sizes: Collection[int] = ()
) -> Verdict:
    """Check the whole log of a registry as of the node's latest block.

    ``from_block`` is where the registry was made, when the node cannot be asked for old state;
    ``sizes`` are those for which the verdict shall tell the root.
    Raises NodeFault (no node, or it refuses) and NotARegistry (wrong address or chain).
    """
    if _ADDRESS.fullmatch(registry_address) is None:
        raise NotARegistry("The registry's address is 0x and 40 hexadecimal digits.")
    node = Node(rpc_url)
    try:
        address = checksum_address(bytes.fromhex(registry_address[2:]))
        return _verify(node, address, from_block, frozenset(sizes))
    finally:
        node.close()


def _verify(node: Node, registry: str, from_block: int | None, sizes: frozenset[int]) -> Verdict:
    chain_id, block = node.number("eth_chainId"), node.number("eth_blockNumber")
    if not node.has_code(registry, block):
        raise NotARegistry(f"There is no contract at {registry} on chain {chain_id}.")
    try:
        (age,) = node.view(registry, "maxStatementAgeSeconds()", ["uint64"], block)
        (size,) = node.view(registry, "size()", ["uint64"], block)
        (root,) = node.view(registry, "root()", ["bytes32"], block)
    except NodeFault as fault:
        raise NotARegistry(f"The contract at {registry} is no attestation registry.") from fault
    start = node.first_block_with_code(registry, block) if from_block is None else from_block
    book = _Book(chain_id, registry, age, sizes)
    first = _first_fault(book, node.logs(registry, start, block))
    first = first or _against_contract(book, size, root, node, block)
    figures = [
        TokenFigures(token, supply, book.custody.get(token, 0)) for token, supply in book.supply.items()
    ]
    return Verdict(book.peaks.size, "0x" + book.peaks.root().hex(), figures, first, chain_id, book.roots)


def _first_fault(book: _Book, logs: Iterable[Log]) -> str | None:
    for log in logs:
        before = book.peaks.size
        try:
            book.take(read(log))
            if book.peaks.size > before:
                book.mark(log.where[0], before)
        except _Fault as fault:
            return f"{fault} (block {log.where[0]})"
        except (DecodingError, IndexError, OverflowError, ValueError):
            return f"an event at block {log.where[0]}, log {log.where[-1]} cannot be read"
    return None


def _against_contract(book: _Book, size: int, root: bytes, node: Node, block: int) -> str | None:
    if book.peaks.size != size:
        return f"entry {book.peaks.size}: the contract counts {size} entries, the events {book.peaks.size}"
    if book.peaks.root() != root:
        return _where_it_differs(book, node) or _another_root(size)
    for token, supply in book.supply.items():
        (total,) = node.view(token, "totalSupply()", ["uint256"], block)
        if total != supply:
            return f"token {token}: its supply is {total}, the log's sum {supply}"
        account = node.view(
            book.registry,
            "account(address)",
            ["(bool,uint64,uint64,uint32,uint64)"],
            block,
            encode(["address"], [token]),
        )[0]
        if account[1] != supply:
            return f"token {token}: the registry counts {account[1]}, the log's sum is {supply}"
        if book.custody.get(token, 0) < supply:
            return (
                f"token {token}: attested custody {book.custody.get(token, 0)} is below its supply {supply}"
            )
    return None


def _another_root(size: int) -> str:
    return f"the root recomputed from {size} entries is not the contract's"


def _where_it_differs(book: _Book, node: Node) -> str | None:
    """The first block after which the contract's root was another; None when the node keeps no old state."""
    low, high = 0, len(book.marks) - 1
    while low < high:
        middle = (low + high) // 2
        block, _, root = book.marks[middle]
        try:
            (theirs,) = node.view(book.registry, "root()", ["bytes32"], block)
        except NodeFault:
            return None
        low, high = (low, middle) if theirs != root else (middle + 1, high)
    block, first, root = book.marks[low]
    last = (book.marks[low + 1][1] if low + 1 < len(book.marks) else book.peaks.size) - 1
    try:
        (theirs,) = node.view(book.registry, "root()", ["bytes32"], block)
    except NodeFault:
        return None
    if theirs == root:
        return None
    which = f"entry {first}" if first == last else f"entries {first} to {last}"
    return f"{which}: the leaves are not those of the contract's root (block {block})"


def _require(holds: bool, fault: str) -> None:  # noqa: FBT001
    if not holds:
        raise _Fault(fault)
