"""Which of the lawful offers, in which order: by expected value, no product twice, and nothing that is not worth more than silence."""

from __future__ import annotations

from serving.decisioning.eligibility import Dropped
from serving.offers import no_action
from serving.offers.protocol import Candidate, cents

POLICY_VERSION = "expected-value-1"


def arbitrate(candidates: list[Candidate], *, limit: int) -> tuple[list[Candidate], list[Dropped]]:
    """Rank and cut.

    The order is total, so that equal inputs give equal answers: expected value in whole cents, then no action before anything worth no
    more, then the exact value, then the offer's id.

    Args:
        candidates: all of them eligible, so their values are finite; `no_action` among them marks the line below which nothing is offered.
        limit: most offers in the answer.

    Returns:
        The offers, best first, ending with `no_action` when the line is reached before the limit; and what was dropped, with reasons.
    """
    chosen: list[Candidate] = []
    dropped: list[Dropped] = []
    taken: set[str] = set()
    below_the_line = False
    for candidate in sorted(candidates, key=_rank):
        products = {item.product_id for item in candidate.items}
        if below_the_line:
            dropped.append(Dropped(candidate, "worth_no_more_than_silence", f"Expected value {candidate.expected_value:.2f}"))
        elif products & taken:
            dropped.append(Dropped(candidate, "product_already_offered", f"In a better offer: {', '.join(sorted(products & taken))}"))
        elif len(chosen) >= limit:
            dropped.append(Dropped(candidate, "beyond_limit", f"More than {limit} offers"))
        else:
            chosen.append(candidate)
            taken |= products
        below_the_line = below_the_line or candidate.type == no_action.NAME
    return chosen, dropped


def _rank(candidate: Candidate) -> tuple[float, bool, float, str]:
    value = candidate.expected_value
    return (-float(cents(value)), candidate.type != no_action.NAME, -value, candidate.offer_id)
