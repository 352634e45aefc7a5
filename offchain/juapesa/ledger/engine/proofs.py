"""The proof that one row is in the books: its image, the path to its batch's root, the batch's link."""

from dataclasses import dataclass

from juapesa.db import UnitOfWork, reading
from juapesa.ledger.engine.rows import image_rows
from juapesa.ledger.engine.seal import row_id
from juapesa.ledger.engine.tree import leaf_of, path_of
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
        return {
            "image": self.image.hex(),
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
        return proof_in(snapshot, transfer)


def proof_in(snapshot: UnitOfWork, transfer: int) -> Proof:
    """The proof of a sealed row, from one snapshot (``Database.snapshot``). Raises UnknownTransfer."""
    batches = snapshot.tuples(
        "SELECT b.number, b.first_id, b.last_id, b.leaves, b.root, b.chain, "
        "coalesce((SELECT chain FROM book.batches WHERE number = b.number - 1), %s) "
        "FROM book.batches b WHERE b.last_id >= %s ORDER BY b.last_id LIMIT 1",
        (bytes(32), transfer),
    )
    if not batches:
        raise UnknownTransfer("No such transfer is sealed yet.")
    number, first, last, count, root, chain, before = batches[0]
    images = list(image_rows(snapshot, first - 1, last))
    extras = extras_of(snapshot, number, number)[number]
    index = next((place for place, image in enumerate(images) if row_id(image) == transfer), None)
    if index is None:
        raise UnknownTransfer("There is no such transfer.")
    leaves = [leaf_of(image) for image in images] + extras
    return Proof(images[index], index, count, tuple(path_of(leaves, index)), root, number, before, chain)
