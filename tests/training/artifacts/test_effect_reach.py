"""Who opens more is changed more; where nobody tells what was opened, everybody is alike."""

from __future__ import annotations

import numpy as np
import pytest

from features.decisions.state import STATE
from training.artifacts.effect_design import EffectDesign
from training.artifacts.effect_prior import EffectPrior, spread
from training.artifacts.effect_reach import reach, tells_clicks, tells_opens


def states(*sent_and_opened: tuple[float, float]) -> np.ndarray:
    made = np.full((len(sent_and_opened), len(STATE)), np.nan)
    made[:, STATE.index("contacts_decayed_112d")], made[:, STATE.index("messages_opened_decayed_112d")] = zip(*sent_and_opened, strict=True)
    return made


READERS = states((0, 0), (4, 1), (8, 8), (8, 0), (1, 1))
UNKNOWN = np.full((1, len(STATE)), np.nan)


def test_it_is_the_share_opened_by_a_quarter_and_one_message_is_no_habit() -> None:
    found = reach(READERS, told=True)
    np.testing.assert_allclose(found, [1.0, 1.0, 3.4, 0.2, 2.0])
    assert reach(UNKNOWN, told=True).tolist() == [1.0]
    assert reach(states((1e6, 1e6), (1e6, 0)), told=True).tolist() == pytest.approx([4.0, 0.1], abs=1e-4)


def test_who_clicks_what_they_open_is_reached_more_and_who_never_does_less() -> None:
    clicking = states((8, 8), (8, 8), (8, 8))
    clicking[:, STATE.index("messages_clicked_decayed_112d")] = [0.0, 0.8, 4.0]
    np.testing.assert_allclose(reach(clicking, told=True, clicks_told=True), [3.4 * 10 / 18, 3.4, 4.0])
    np.testing.assert_allclose(reach(clicking, told=True, clicks_told=False), [3.4] * 3)
    assert reach(clicking)[0] == pytest.approx(3.4)  # nobody knows whether the first could have been seen to click
    assert tells_clicks(clicking)
    assert not tells_clicks(READERS)


def test_a_channel_that_tells_nothing_makes_nobody_a_non_reader() -> None:
    assert reach(READERS, told=False).tolist() == [1.0] * 5
    np.testing.assert_allclose(reach(READERS), [1.0, 1.0, 3.4, 1.0, 2.0])  # nobody knows whether the fourth could have been seen to open
    assert tells_opens(READERS)
    assert not tells_opens(states((8, 0), (1, 0)))
    assert not tells_opens(UNKNOWN)


def test_belief_and_model_take_the_same_steps() -> None:
    p0 = np.full(len(READERS), 0.3)
    design = EffectDesign.of(READERS, p0)
    np.testing.assert_allclose(design.step(READERS, p0, 0.02), spread(p0, 0.02) * reach(READERS, told=True))
    silent = EffectDesign.of(states((8, 0), (1, 0)), p0[:2])
    np.testing.assert_allclose(silent.step(READERS, p0, 0.02), spread(p0, 0.02))
    prior, offers = EffectPrior(0.02, 0.02, 0.02), [("a", "coupon"), ("b", "coupon")]
    reader, nobody = (prior.beliefs(state, offers, p0[:2]) for state in (READERS[2], np.empty(0)))
    np.testing.assert_allclose(reader, 3.4 * np.array(nobody))
    many, _ = prior.beliefs(READERS, offers, np.full((5, 2), 0.3))
    np.testing.assert_allclose(many[2], reader[0])
    drawn = prior.draws(READERS[2], offers, p0[:2], 4000, seed=1)
    np.testing.assert_allclose(drawn.mean(axis=0), reader[0], atol=0.003)
