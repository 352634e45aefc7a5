"""An outsider's check of the attestation log, from chain data alone.

Everything is recomputed: each leaf from its event, the root from the leaves, every supply from the
deltas, every statement's digest and its signers. The contract's word is asked for only to be compared.
All reads are of one block. What this cannot show: that the attesters told the truth.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from juapesa.crypto import BadSignature, checksum_address, recover_address
from juapesa.errors import InvalidInput
from juapesa.transparency.entries import Appended, Attested, AttestersChanged, Statement, read
from juapesa.transparency.merkle import Peaks
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
    """The outcome. ``first_fault`` names the first thing that is wrong; None when nothing is."""

    entries: int
    root: str
    tokens: list[TokenFigures]
    first_fault: str | None

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
    peaks: Peaks = field(default_factory=Peaks)
    supply: dict[str, int] = field(default_factory=dict)
    custody: dict[str, int] = field(default_factory=dict)
    attesters: set[str] = field(default_factory=set)
    quorum: int = 0
    attested: Attested | None = None
    used: set[tuple[str, bytes]] = field(default_factory=set)
    last_time: int = 0

    def take(self, event: Appended | Attested | AttestersChanged | None) -> None:
        """Check one event against everything before it. Raises _Fault."""
        match event:
            case AttestersChanged():
                self.attesters = {each.lower() for each in event.attesters}
                self.quorum = event.quorum
            case Attested():
                self._check_signatures(event)
                self.attested = event
            case Appended():
                self._append(event)

    def _append(self, entry: Appended) -> None:
        where = f"entry {entry.index}"
        _require(entry.index == self.peaks.size, f"{where}: entry {self.peaks.size} should come here")
        _require(entry.recomputed_leaf(self.chain_id) == entry.leaf, f"{where}: its leaf hash is another")
        before = self.supply.get(entry.token, 0)
        _require(
            before + entry.delta == entry.supply_after, f"{where}: supply does not follow from its delta"
        )
        _require(entry.supply_after >= 0 and entry.delta != 0, f"{where}: an impossible amount")
        _require(entry.time >= self.last_time, f"{where}: time runs backwards")
        if entry.delta > 0:
            self._check_mint(entry, where)
        else:
            _require(entry.statement_id == bytes(32), f"{where}: a burn names a statement")
        self._use(
            "mint" if entry.delta > 0 else "burn", entry.receipt, f"{where}: its receipt was used before"
        )
        self.supply[entry.token] = entry.supply_after
        self.last_time = entry.time
        self.peaks.append(entry.leaf)

    def _check_mint(self, entry: Appended, where: str) -> None:
        if self.attested is None or self.attested.statement_id != entry.statement_id:
            raise _Fault(f"{where}: minted without its custody statement")
        said: Statement = self.attested.statement
        self.attested = None
        same = (said.token, said.amount, said.receipt) == (entry.token, entry.delta, entry.receipt)
        _require(same, f"{where}: the statement is about something else")
        _require(said.reserves >= entry.supply_after, f"{where}: attested custody does not cover the supply")
        timely = said.observed_at - FUTURE_TOLERANCE_SECONDS <= entry.time <= said.expires_at
        fresh = entry.time - said.observed_at <= self.statement_age_seconds_max
        _require(timely and fresh, f"{where}: the statement was not fresh")
        self._use("nonce", said.nonce, f"{where}: its statement's nonce was used before")
        self.custody[entry.token] = said.reserves

    def _check_signatures(self, event: Attested) -> None:
        where = f"statement before entry {self.peaks.size}"
        digest = event.statement.digest(self.chain_id, self.registry)
        _require(digest == event.statement_id, f"{where}: its id is not its digest")
        try:
            signers = [recover_address(digest, signature) for signature in event.signatures]
        except BadSignature as fault:
            raise _Fault(f"{where}: {fault.detail}") from None
        ascending = all(int(one, 16) < int(other, 16) for one, other in pairwise(signers))
        _require(ascending, f"{where}: signers repeat or are out of order")
        _require(set(signers) <= self.attesters, f"{where}: a signer is no attester")
        _require(len(signers) >= self.quorum > 0, f"{where}: {len(signers)} of {self.quorum} signatures")

    def _use(self, kind: str, key: bytes, fault: str) -> None:
        _require((kind, key) not in self.used, fault)
        self.used.add((kind, key))


def verify(rpc_url: str, registry_address: str, from_block: int | None = None) -> Verdict:
    """Check the whole log of a registry as of the node's latest block.

    ``from_block`` is where the registry was made, when the node cannot be asked for old state.
    Raises NodeFault (no node, or it refuses) and NotARegistry (wrong address or chain).
    """
    if _ADDRESS.fullmatch(registry_address) is None:
        raise NotARegistry("The registry's address is 0x and 40 hexadecimal digits.")
    node = Node(rpc_url)
    try:
        return _verify(node, checksum_address(bytes.fromhex(registry_address[2:])), from_block)
    finally:
        node.close()


def _verify(node: Node, registry: str, from_block: int | None) -> Verdict:
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
    book = _Book(chain_id, registry, age)
    first = _first_fault(book, node.logs(registry, start, block))
    first = first or _against_contract(book, size, root, node, block)
    figures = [TokenFigures(token, supply, book.custody[token]) for token, supply in book.supply.items()]
    return Verdict(book.peaks.size, "0x" + book.peaks.root().hex(), figures, first)


def _first_fault(book: _Book, logs: Iterable[Log]) -> str | None:
    for log in logs:
        try:
            book.take(read(log))
        except _Fault as fault:
            return f"{fault} (block {log.where[0]})"
        except (DecodingError, IndexError, OverflowError):
            return f"an event at block {log.where[0]}, log {log.where[-1]} cannot be read"
    return None


def _against_contract(book: _Book, size: int, root: bytes, node: Node, block: int) -> str | None:
    if book.peaks.size != size:
        return f"entry {book.peaks.size}: the contract counts {size} entries, the events {book.peaks.size}"
    if book.peaks.root() != root:
        return f"the root recomputed from {size} entries is not the contract's"
    for token, supply in book.supply.items():
        (total,) = node.view(token, "totalSupply()", ["uint256"], block)
        if total != supply:
            return f"token {token}: its supply is {total}, the log's sum {supply}"
        account = node.view(
            book.registry,
            "account(address)",
            ["(bool,uint64,uint64,uint64,uint64)"],
            block,
            encode(["address"], [token]),
        )[0]
        if account[1] != supply:
            return f"token {token}: the registry counts {account[1]}, the log's sum is {supply}"
        if book.custody[token] < supply:
            return f"token {token}: attested custody {book.custody[token]} is below its supply {supply}"
    return None


def _require(holds: bool, fault: str) -> None:  # noqa: FBT001
    if not holds:
        raise _Fault(fault)
