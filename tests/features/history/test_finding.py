from __future__ import annotations

import pytest

from features.history.finding import percent


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"),
        (0.0004, "less than 0.1 %"),
        (0.012, "1.2 %"),
        (0.37, "37 %"),
        (0.9951, "99.5 %"),
        (0.9996, "more than 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_never_round_to_nothing_or_everything(share: float, said: str) -> None:
    assert percent(share) == said
