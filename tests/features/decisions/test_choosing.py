from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.decisions import ground
from features.decisions.choosing import Odds, beliefs_seed_of, choose, propensities, seed_of, softmax
from features.decisions.policy import DecisionPolicy, Exploration
from features.decisions.record import NO_ACTION, Considered, Factors, Holdout, TauSource
from training.artifacts import effect_prior

POLICY = DecisionPolicy()
GREEDY = POLICY.changed({"exploration": {"share": 0.0, "draws": 0}})


def offer(offer_id: str, tau: float, *, sd: float = 0.0, kind: str = "item", **money: float) -> Considered:
    source = TauSource.PRIOR if sd else TauSource.LEARNED
    factors = Factors(p0=0.2, tau=tau, tau_sd=sd, tau_source=source, margin=10.0, contact_cost=0.1).model_copy(update=money)
    return Considered(offer_id=offer_id, type=kind, factors=factors, propensity=0, policy_propensity=0)


SILENCE = Considered(offer_id=NO_ACTION, type=NO_ACTION, propensity=0, policy_propensity=0)
some = st.lists(
    st.builds(offer, st.text("abcdef", min_size=1, max_size=4), st.floats(-0.2, 0.5), sd=st.sampled_from([0.0, 0.05])),
    max_size=8,
    unique_by=lambda one: one.offer_id,
)


@settings(max_examples=60)
@given(some, st.integers(0, 2**63), st.floats(0, 1), st.floats(0, 1))
def test_propensities_sum_to_one_and_keep_their_floor(made: list[Considered], seed: int, share: float, floor: float) -> None:
    considered = [*made, SILENCE]
    policy = POLICY.changed({"exploration": {"share": share, "floor": floor}})
    exact = propensities(considered, policy, seed=seed, state={})
    assert exact.sum() == pytest.approx(1.0)
    assert (exact >= share * floor / len(considered) - 1e-12).all()


@settings(max_examples=40)
@given(some, st.integers(0, 2**63), st.randoms())
def test_the_same_arguments_give_the_same_draw_and_the_order_of_the_list_does_not_matter_to_the_best(
    made: list[Considered], seed: int, random: object
) -> None:
    considered = [*made, SILENCE]
    one, two = (choose(considered, POLICY, seed=seed, state={}) for _ in range(2))
    assert (one.order, one.explored) == (two.order, two.explored)
    np.testing.assert_array_equal(one.propensities, two.propensities)
    shuffled = considered.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    best = considered[choose(considered, GREEDY, seed=seed, state={}).order[0]]
    assert shuffled[choose(shuffled, GREEDY, seed=seed, state={}).order[0]].offer_id == best.offer_id


@settings(max_examples=40)
@given(some, st.integers(0, 2**63))
def test_one_of_the_draws_is_the_same_by_itself(made: list[Considered], seed: int) -> None:
    odds = Odds.of([*made, SILENCE], POLICY, beliefs=seed, state={})
    if odds.ground.uncertain:
        draws = odds.ground.draws(16, seed)
        for place in (0, 7, 15):
            np.testing.assert_array_equal(odds.ground.one_draw(place, seed), draws[place])


def test_draws_have_the_frequencies_that_are_logged() -> None:
    considered = [offer("a", 0.04, sd=0.03), offer("b", 0.05, sd=0.03, kind="coupon"), offer("c", -0.1), SILENCE]
    policy = POLICY.changed({"exploration": {"share": 0.5, "floor": 0.2, "draws": 16}})
    counted, told = np.zeros(4), np.zeros(4)
    rounds = 4000
    for i in range(rounds):
        choice = choose(considered, policy, seed=seed_of(0, "c", str(i)), state={})
        counted[choice.order[0]] += 1
        told += choice.propensities
    np.testing.assert_allclose(counted / rounds, told / rounds, atol=4 * 0.5 / rounds**0.5)


def test_many_decisions_are_drawn_from_one_customers_odds() -> None:
    considered = [offer("a", 0.04, sd=0.03), offer("b", 0.05, sd=0.03, kind="coupon"), offer("c", -0.1), SILENCE]
    policy, rounds = POLICY.changed({"exploration": {"share": 0.5, "floor": 0.2, "draws": 16}}), 4000
    odds, beliefs = Odds.of(considered, policy, beliefs=beliefs_seed_of(0, "c"), state={}), beliefs_seed_of(0, "c")
    counted = np.zeros(4)
    for i in range(rounds):
        seed = seed_of(0, "c", str(i))
        choice = odds.draw(seed)
        np.testing.assert_array_equal(choice.propensities, odds.of_policy)
        counted[choice.order[0]] += 1
        if i % 100 == 0:
            assert choice.order == choose(considered, policy, seed=seed, beliefs=beliefs, state={}).order
    np.testing.assert_allclose(counted / rounds, odds.of_policy, atol=4 * 0.5 / rounds**0.5)
    others = propensities(considered, policy, seed=beliefs_seed_of(0, "another"), state={})
    assert not np.allclose(others, odds.of_policy)  # nobody's luck is everybody's


def test_the_best_is_taken_and_silence_is_worth_nothing() -> None:
    considered = [offer("small", 0.02), offer("large", 0.05), offer("harm", -0.05), SILENCE]
    assert [considered[i].offer_id for i in choose(considered, GREEDY, seed=1, state={}).order] == ["large", "small", NO_ACTION, "harm"]
    alone = [offer("dear", 0.005), SILENCE]
    assert alone[choose(alone, GREEDY, seed=1, state={}).order[0]].offer_id == NO_ACTION


def test_a_sure_buyer_is_given_no_discount() -> None:
    sure, unsure = {"p0": 0.95, "discount": 2.0}, {"p0": 0.05, "discount": 2.0}
    for money, best in ((sure, NO_ACTION), (unsure, "coupon")):
        considered = [offer("coupon", 0.04, **money), SILENCE]
        assert considered[choose(considered, GREEDY, seed=1, state={}).order[0]].offer_id == best


def test_equal_offers_are_equally_likely_and_the_first_by_id_is_the_best() -> None:
    considered = [offer("b", 0.02), offer("a", 0.02), SILENCE]
    exact = propensities(considered, POLICY.changed({"exploration": {"share": 1.0}}), seed=1, state={})
    assert exact[0] == exact[1]
    flat = propensities([offer("b", 0.01, contact_cost=0.1), SILENCE], POLICY.changed({"exploration": {"share": 1.0}}), seed=1, state={})
    np.testing.assert_allclose(flat, 0.5)
    assert considered[choose(considered, GREEDY, seed=1, state={}).order[0]].offer_id == "a"


def test_holdouts_give_nothing_or_anything() -> None:
    considered = [offer("a", 0.05), offer("b", 0.01), SILENCE]
    held = choose(considered, POLICY, seed=3, state={}, holdout=Holdout.UNIVERSAL)
    assert considered[held.order[0]].offer_id == NO_ACTION
    assert held.propensities.tolist() == [0, 0, 1]
    assert held.policy_propensities[0] > 0.8
    first = {choose(considered, POLICY, seed=s, state={}, holdout=Holdout.MODEL_CONTROL).order[0] for s in range(60)}
    assert first == {0, 1, 2}
    np.testing.assert_allclose(choose(considered, POLICY, seed=3, state={}, holdout=Holdout.MODEL_CONTROL).propensities, 1 / 3)


def test_beyond_the_exploring_share_uncertainty_makes_nobody_optimistic() -> None:
    never = POLICY.changed({"exploration": {"share": 0.0}})
    many = [offer(f"o{i}", 0.009, sd=0.05) for i in range(16)]  # each worth a little less than silence, the best of 16 draws far more
    assert propensities([*many, SILENCE], never, seed=5, state={}).tolist() == [0.0] * 16 + [1.0]
    sure = [offer("a", 0.02, sd=0.2), offer("b", 0.03), SILENCE]
    assert propensities(sure, never, seed=5, state={}).tolist() == [0, 1, 0]


def test_caution_takes_off_what_is_not_known() -> None:
    considered = [offer("vague", 0.05, sd=0.05), offer("known", 0.03, sd=0.005), SILENCE]
    for caution, best in ((0.0, "vague"), (0.5, "known"), (5.0, NO_ACTION)):
        policy = GREEDY.changed({"value": {"caution": caution}})
        assert considered[choose(considered, policy, seed=1, state={}).order[0]].offer_id == best


def test_exploring_tries_silence_as_much_as_offers_and_the_better_offers_more() -> None:
    policy = POLICY.changed({"exploration": {"share": 1.0, "draws": 512}})
    considered = [offer("a", 0.02, sd=0.02), offer("b", 0.03, sd=0.02), offer("bad", -0.5, sd=0.02), SILENCE]
    for proven in (False, True):  # what a posterior says is tried as what a prior says
        source = TauSource.LEARNED if proven else TauSource.PRIOR
        told = [one.model_copy(update={"factors": one.factors.model_copy(update={"tau_source": source})}) for one in considered[:3]]
        a, b, bad, silence = propensities([*told, SILENCE], policy, seed=5, state={})
        assert silence == pytest.approx(0.75 * 0.5 + 0.25 / 4)
        assert 0.1 < a < b < 0.5
        assert bad == pytest.approx(0.25 / 4)  # surely worse: tried by the floor alone


def test_what_is_tried_comes_first_and_the_others_follow_in_order() -> None:
    policy = POLICY.changed({"exploration": {"share": 1.0, "floor": 0.0}})
    considered = [offer("a", -0.02, sd=0.001), offer("b", -0.03, sd=0.001), SILENCE]
    orders = {choose(considered, policy, seed=s, state={}).order for s in range(40)}
    assert orders == {(0, 2, 1), (2, 0, 1)}  # "a" although it is worth less than silence, then as ever


@pytest.mark.parametrize(
    ("ranking", "best"),
    [
        ("expected_value", "new"),
        ("propensity", "likely"),
        ("best_single", "cheap"),
        ("highest_risk", "cheap"),
        ("price_first", "cheap"),
        ("category_first", "need"),
        ("nothing", NO_ACTION),
    ],
)
def test_each_ranking_has_its_own_best(ranking: str, best: str) -> None:
    considered = [
        offer("new", 0.06),
        offer("likely", 0.02, p0=0.6),
        offer("cheap", 0.03, p0=0.01, discount=1.0),
        offer("need", 0.03, kind="replenishment"),
        SILENCE,
    ]
    policy = GREEDY.changed({"ranking": ranking, "single_offer": "cheap"})
    assert considered[choose(considered, policy, seed=1, state={"p_order": 0.2}).order[0]].offer_id == best


def test_only_somebody_at_risk_is_won_back_by_the_ranking_of_risk() -> None:
    policy = GREEDY.changed({"ranking": "highest_risk", "single_offer": "a", "risk_below": 0.3})
    considered = [offer("a", 0.1), SILENCE]
    assert considered[choose(considered, policy, seed=1, state={"p_order": 0.31}).order[0]].offer_id == NO_ACTION
    assert considered[choose(considered, policy, seed=1, state={}).order[0]].offer_id == NO_ACTION


def test_a_larger_scale_of_money_changes_no_probability() -> None:
    scores = np.array([0.1, 0.4, -0.2, 0.0])
    np.testing.assert_allclose(softmax(scores, Exploration()), softmax(1000 * scores, Exploration()))


def test_what_is_shared_before_it_is_proven_is_what_the_effects_share() -> None:
    assert (ground._COMMON, ground._OF_TYPE) == (effect_prior.SHARED, effect_prior.OF_TYPE)
