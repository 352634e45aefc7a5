"""The Merkle tree of RFC 9162: known answers, and proofs that show what is so and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from juapesa.transparency import merkle

# The reference tree shared by implementations of Certificate Transparency.
ENTRIES = [
    b"",
    b"\x00",
    b"\x10",
    bytes.fromhex("2021"),
    bytes.fromhex("3031"),
    bytes.fromhex("40414243"),
    bytes.fromhex("5051525354555657"),
    bytes.fromhex("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SIZES = st.integers(1, 40)


def leaves(count: int, seed: int = 0) -> list[bytes]:
    return [merkle.leaf_hash(f"{seed} {number}".encode()) for number in range(count)]


def test_known_answers_of_certificate_transparency() -> None:
    known = [merkle.leaf_hash(entry) for entry in ENTRIES]
    for size, root in ROOTS.items():
        assert merkle.root(known[:size]).hex() == root


@given(size=st.integers(0, 80))
def test_a_log_that_grows_leaf_by_leaf_has_the_root_of_the_definition(size: int) -> None:
    peaks = merkle.Peaks()
    for leaf in leaves(size):
        peaks.append(leaf)
    assert (peaks.size, peaks.root()) == (size, merkle.root(leaves(size)))


@given(size=SIZES, data=st.data())
def test_every_leaf_can_be_shown_at_its_place_and_nowhere_else(size: int, data: st.DataObject) -> None:
    tree = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion_proof(tree, index), merkle.root(tree)
    assert merkle.includes(tree[index], index, size, proof, root)
    assert not merkle.includes(merkle.leaf_hash(b"another"), index, size, proof, root)
    assert not merkle.includes(tree[index], index, size, [*proof, root], root)
    assert not merkle.includes(tree[index], index, size, proof, merkle.root(leaves(size, seed=1)))
    for elsewhere in {(index + 1) % size, size} - {index}:
        assert not merkle.includes(tree[index], elsewhere, size, proof, root)


@given(size=SIZES, data=st.data())
def test_an_earlier_log_is_shown_to_be_the_beginning_and_a_rewritten_one_is_not(
    size: int, data: st.DataObject
) -> None:
    tree = leaves(size)
    earlier = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(tree, earlier)
    was, is_now = merkle.root(tree[:earlier]), merkle.root(tree)
    assert merkle.consistent(earlier, size, was, is_now, proof)
    rewritten = merkle.root([merkle.leaf_hash(b"rewritten"), *tree[1:earlier]])
    assert not merkle.consistent(earlier, size, rewritten, is_now, proof)
    assert not merkle.consistent(earlier, size, was, rewritten, proof) or earlier == size == 0
    assert not merkle.consistent(earlier, size, was, is_now, [*proof, was])


@settings(max_examples=30)
@given(size=SIZES)
def test_proofs_are_of_logarithmic_length(size: int) -> None:
    tree = leaves(size)
    longest = max(len(merkle.inclusion_proof(tree, index)) for index in range(size))
    assert longest <= (size - 1).bit_length()
