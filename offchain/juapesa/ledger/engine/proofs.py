"""The proof that one row is in the books: its image, the path to its batch's root, the batch's link."""

from collections.abc import Sequence
from dataclasses import dataclass

from juapesa.db import UnitOfWork, reading
from juapesa.ledger.engine.rows import image_rows
from juapesa.ledger.engine.seal import row_id
from juapesa.ledger.engine.tree import GENESIS, leaf_of, leaves_of, path_of
from juapesa.ledger.engine.verify import extras_of
from juapesa.ledger.errors import UnknownTransfer


@dataclass(frozen=True, slots=True)
class Proof:
    """All as bytes; ``index`` of ``leaves`` in batch ``batch``, whose chain value follows from ``before``.

    Check: SHA-256(0x00 ‖ image) with ``path`` leads to ``root`` (RFC 9162, 2.1.3.2), and
    SHA-256(0x02 ‖ before ‖ batch as 8 bytes ‖ leaves as 4 bytes ‖ root) is ``chain``.
    """

    image: bytes
    index: int
    leaves: int
    path: tuple[bytes, ...]
    root: bytes
    batch: int
    before: bytes
    chain: bytes

    def as_json(self) -> dict[str, object]:
        """With bytes as hexadecimal."""
        return {"image": self.image.hex(), **self.as_public_json()}

    def as_public_json(self) -> dict[str, object]:
        """For anybody: the row's hash in place of its image, which holds balances."""
        return {
            "leaf": leaf_of(self.image).hex(),
            "index": self.index,
            "leaves": self.leaves,
            "path": [each.hex() for each in self.path],
            "root": self.root.hex(),
            "batch": self.batch,
            "before": self.before.hex(),
            "chain": self.chain.hex(),
        }


def prove(url: str, transfer: int) -> Proof:
    """The proof of a sealed row of a database. Raises UnknownTransfer."""
    with reading(url) as snapshot:
        [proof] = proofs_in(snapshot, [transfer])
    return proof


def proofs_in(snapshot: UnitOfWork, transfers: Sequence[int]) -> list[Proof]:
    """The proofs of sealed rows, from one snapshot (``Database.snapshot``). Raises UnknownTransfer.

    A batch is read once, however many of its rows are asked for; it has some thousand rows at most.
    """
    batches: dict[int, _Batch] = {}
    found = []
    for transfer in transfers:
        batch = next((each for each in batches.values() if each.first <= transfer <= each.last), None)
        if batch is None:
            batch = _read(snapshot, transfer)
            batches[batch.number] = batch
        found.append(batch.proof(transfer))
    return found


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch with everything that its proofs need."""

    number: int
    first: int
    last: int
    root: bytes
    before: bytes
    chain: bytes
    images: Sequence[bytes]
    leaves: Sequence[bytes]

    def proof(self, transfer: int) -> Proof:
        places = (place for place, image in enumerate(self.images) if row_id(image) == transfer)
        index = next(places, None)
        if index is None:
            raise UnknownTransfer("There is no such transfer.")
        path = tuple(path_of(self.leaves, index))
        count = len(self.leaves)
        return Proof(self.images[index], index, count, path, self.root, self.number, self.before, self.chain)


def _read(snapshot: UnitOfWork, transfer: int) -> _Batch:
    batches = snapshot.tuples(
        "SELECT b.number, b.first_id, b.last_id, b.root, b.chain, "
        "coalesce((SELECT chain FROM book.batches WHERE number = b.number - 1), %s) "
        "FROM book.batches b WHERE b.last_id >= %s ORDER BY b.last_id LIMIT 1",
        (GENESIS, transfer),
    )
    if not batches:
        raise UnknownTransfer("No such transfer is sealed yet.")
    number, first, last, root, chain, before = batches[0]
    images = list(image_rows(snapshot, first - 1, last))
    leaves = leaves_of(images) + extras_of(snapshot, number, number)[number]
    return _Batch(number, first, last, root, before, chain, images, leaves)
