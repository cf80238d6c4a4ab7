from __future__ import annotations

import re
import tomllib
from pathlib import Path

from features.decisions.policy import DecisionPolicy
from features.decisions.record import Factors
from features.decisions.worth import worth

PAGE = Path("docs/decisions.md").read_text(encoding="utf-8")


def test_the_policy_on_the_page_is_the_default() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert DecisionPolicy.model_validate(tomllib.loads(block)) == DecisionPolicy()


def test_the_page_names_every_ranking() -> None:
    from features.decisions.policy import Ranking

    assert all(ranking in PAGE for ranking in Ranking)


def test_a_sure_buyer_brings_nothing_and_is_given_the_discount() -> None:
    sure = Factors(p0=0.95, tau=0.01, margin=10.0, discount=2.0)
    assert worth([sure], DecisionPolicy().value).mean[0] < 0
