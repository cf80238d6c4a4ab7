from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import sparse

from features.errors import TooLittleHistory
from training.datasets.baskets import Baskets
from training.models import frequent_sets
from training.models.bundle_mining import MerchantBundle, mine_bundles
from training.models.frequent_sets import MiningConfig, season_of

CONFIG = MiningConfig(min_support=0.0, min_orders=20, min_lift=1.5, min_season_lift=1.2)


def baskets(orders: int = 3000, seed: int = 1) -> Baskets:
    """Columns a..l: {a, b, c} come together, {d, e} only in the first season, {f, g, h, i} together, the rest by chance."""
    random = np.random.default_rng(seed)
    ages = np.sort(random.uniform(0, 364, orders))[::-1]
    lines = random.random((orders, 12)) < 0.08
    together = random.random((orders, 3)) < 0.06
    lines[together[:, 0], 0:3] = True
    lines[together[:, 1] & (ages > 273), 3:5] = True
    lines[together[:, 2], 5:9] = True
    ids = np.array(list("abcdefghijkl"))
    return Baskets(ids, sparse.csr_matrix(lines.astype(np.float32)), np.full(orders, "c"), ages)


def brute_force(made: Baskets) -> dict[tuple[str, ...], tuple[int, float]]:
    held, seasons = made.lines.toarray() > 0, season_of(made.ages)
    found: dict[tuple[str, ...], tuple[int, float]] = {}
    for size in (2, 3, 4):
        for columns in itertools.combinations(range(12), size):
            rest = [tuple(c for c in columns if c != x) for x in columns]
            names = ["".join(made.product_ids[list(r)]) for r in rest]
            if size > 2 and not all(tuple(name) in found for name in names):
                continue
            links = []
            for rows in (np.arange(len(held)), *(np.flatnonzero(seasons == s) for s in range(4))):
                part = held[rows]
                whole = part[:, columns].all(axis=1).sum()
                links.append(
                    min(
                        whole * len(rows) / max(part[:, r].all(axis=1).sum() * part[:, x].sum(), 1)
                        for r, x in zip(rest, columns, strict=True)
                    )
                )
            support = int(held[:, columns].all(axis=1).sum())
            if support >= 20 and links[0] >= 1.5 and min(links[1:]) >= 1.2:
                found[tuple(made.product_ids[list(columns)].tolist())] = (support, links[0])
    return found


def test_mining_agrees_with_looking_at_every_set() -> None:
    made = baskets()
    mined = mine_bundles(made, CONFIG)
    expected = brute_force(made)
    assert set(mined.members) == set(expected)
    for members, support, lift in zip(mined.members, mined.support, mined.lift, strict=True):
        assert (int(support), pytest.approx(expected[members][1], rel=1e-6)) == (expected[members][0], lift)
    assert ("a", "b", "c") in expected
    assert ("f", "g", "h", "i") in expected


def test_what_holds_in_one_season_only_is_no_bundle() -> None:
    made = baskets()
    assert ("d", "e") not in mine_bundles(made, CONFIG).members
    lenient = MiningConfig(min_support=0.0, min_orders=20, min_lift=1.5, min_season_lift=0.0)
    assert ("d", "e") in mine_bundles(made, lenient).members


@pytest.mark.parametrize("block", [1, 30, 10_000])
def test_blocks_of_any_size_find_the_same_sets(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    whole = mine_bundles(baskets(), CONFIG)
    monkeypatch.setattr(frequent_sets, "_BLOCK", block)
    parts = mine_bundles(baskets(), CONFIG)
    assert parts.members == whole.members
    np.testing.assert_array_equal(parts.support, whole.support)
    np.testing.assert_array_equal(parts.lift, whole.lift)


def test_larger_sets_are_grown_from_the_best_only() -> None:
    every = mine_bundles(baskets(), CONFIG)
    few = mine_bundles(baskets(), CONFIG.model_copy(update={"max_grown": 4}))
    worth = {m: s * np.log(lift) for m, s, lift in zip(every.members, every.support, every.lift, strict=True)}
    pairs = sorted((m for m in worth if len(m) == 2), key=lambda m: -worth[m])
    assert len(pairs) > 4
    assert {m for m in few.members if len(m) == 2} == set(pairs[:4])
    assert set(few.members) < set(every.members)


def test_products_of_one_kind_share_no_set() -> None:
    kinds = np.array([0, 0, 1, *range(2, 11)])
    mined = mine_bundles(baskets(), CONFIG, kinds=kinds).members
    assert ("a", "c") in mined
    assert not any({"a", "b"} <= set(members) for members in mined)


def test_the_merchants_set_keeps_its_id_and_comes_even_if_never_bought() -> None:
    given = (
        MerchantBundle(bundle_id="gift", product_ids=("b", "a"), label="Gift"),
        MerchantBundle(bundle_id="odd", product_ids=("l", "d")),
    )
    mined = mine_bundles(baskets(), CONFIG, given=given)
    assert mined.members.count(("a", "b")) == 1
    assert mined.bundle_ids[mined.members.index(("a", "b"))] == "gift"
    assert mined.labels[mined.members.index(("a", "b"))] == "Gift"
    odd = mined.members.index(("d", "l"))
    assert mined.support[odd] == int((baskets().lines[:, [3, 11]].sum(axis=1) == 2).sum())


def test_no_set_holds_a_product_twice() -> None:
    assert all(len(set(m)) == len(m) for m in mine_bundles(baskets(), CONFIG).members)
    with pytest.raises(ValidationError, match="each once"):
        MerchantBundle(bundle_id="x", product_ids=("a", "a"))


def test_ids_are_stable_and_the_limit_holds() -> None:
    every, few = mine_bundles(baskets(), CONFIG), mine_bundles(baskets(), CONFIG.model_copy(update={"max_bundles": 3}))
    assert len(few.bundle_ids) == 3
    assert dict(zip(every.bundle_ids, every.members, strict=True)).items() >= dict(zip(few.bundle_ids, few.members, strict=True)).items()


def test_nothing_frequent_is_said_clearly() -> None:
    with pytest.raises(TooLittleHistory, match="No set of products"):
        mine_bundles(baskets(), MiningConfig(min_orders=100_000))
    with pytest.raises(TooLittleHistory, match="No set of products"):
        mine_bundles(baskets(orders=0), CONFIG)


def test_orders_that_hold_a_set_are_found() -> None:
    made = baskets(200)
    sets = sparse.csr_matrix(([1.0] * 5, ([0, 0, 1, 1, 1], [0, 1, 5, 6, 7])), shape=(2, 12))
    dense = made.lines.toarray() > 0
    np.testing.assert_array_equal(
        made.holding(sets).toarray() > 0, np.stack([dense[:, [0, 1]].all(axis=1), dense[:, 5:8].all(axis=1)], axis=1)
    )


def test_seasons_follow_the_length_of_the_history() -> None:
    assert season_of(np.linspace(0, 364, 100)).max() == 3
    assert season_of(np.linspace(0, 100, 100)).max() == 0
    assert np.bincount(season_of(np.linspace(0, 364, 100))).tolist() == [25] * 4
