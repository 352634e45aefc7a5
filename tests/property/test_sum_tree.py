"""Merkle-sum trees: every leaf is shown to be counted, and nothing else can be."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from juapesa.transparency import sum_tree
from juapesa.transparency.sum_tree import Node, includes, leaf, parent, path, root

AMOUNTS = st.tuples(st.integers(0, 10**12), st.integers(0, 10**12))
CUSTOMERS = st.lists(st.tuples(st.binary(min_size=32, max_size=32), AMOUNTS), min_size=1, max_size=17)


@given(CUSTOMERS)
@settings(max_examples=60, deadline=None)
def test_every_leaf_is_counted_and_the_root_has_the_total(rows: list[tuple[bytes, tuple[int, int]]]) -> None:
    leaves = [leaf(*row) for row in rows]
    top = root(leaves)
    assert top.sums == tuple(sum(row[1][unit] for row in rows) for unit in (0, 1))
    for index, each in enumerate(leaves):
        assert includes(each, index, len(leaves), path(leaves, index), top)
        assert not includes(each, index, len(leaves) + 1, path(leaves, index), replace(top, sums=(1, 1)))


@given(CUSTOMERS.filter(lambda rows: len(rows) > 1), st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_amount_sum_or_neighbour_does_not_lead_to_the_root(
    rows: list[tuple[bytes, tuple[int, int]]], data: st.DataObject
) -> None:
    leaves = [leaf(*row) for row in rows]
    top, index = root(leaves), data.draw(st.integers(0, len(rows) - 1))
    way = path(leaves, index)
    customer, amounts = rows[index]
    assert not includes(leaf(customer, (amounts[0] + 1, amounts[1])), index, len(leaves), way, top)
    place = data.draw(st.integers(0, len(way) - 1))
    lower = replace(way[place], sums=(way[place].sums[0] + 1, way[place].sums[1]))
    assert not includes(leaves[index], index, len(leaves), [*way[:place], lower, *way[place + 1 :]], top)
    assert not includes(leaves[index], index, len(leaves), way[:-1], top)


def test_a_negative_sum_cannot_hide_what_is_owed() -> None:
    mine, hidden = leaf(bytes(32), (500, 0)), Node(bytes(32), (-500, 0))
    assert not includes(mine, 0, 2, [hidden], parent(mine, hidden))
    fair = leaf(b"\1" * 32, (0, 0))
    assert includes(mine, 0, 2, [fair], parent(mine, fair))
    assert sum_tree.AMOUNT_MAX > 0
