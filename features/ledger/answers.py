"""What was answered more than once, kept once: most who ask about a customer again are answered with the very same words.

A decision that repeats an answer names it, and keeps its own id alone (`serving/api/once_more.py`); an answer as it is read is both
together. One that was given once stands in its decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Index, Table, Text

from features.ledger.by_driver import add_rows, known_ids
from features.ledger.columns import METADATA, Id
from features.ledger.slates import KeptSlate, hash_of

ANSWERS = Table(
    "answers",
    METADATA,
    Column("answer_id", Id, primary_key=True),
    Column("recorded_as", Id),  # null: for nobody in particular
    Column("body", Text, nullable=False),  # JSON: the answer, its decision's id left empty
    Index(None, "recorded_as"),
)
_PLACE = '"decision_id":"'  # quotes within a text of JSON are escaped: these are the key's own
_EMPTY = f'{_PLACE}"'


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as the ledger keeps it for all decisions that gave it.

    Attributes:
        answer_id: names whose it is, what it says and what it was drawn from: equal ones are one.
        body: JSON of the answer, its decision's id left empty.
    """

    answer_id: str
    body: str

    @classmethod
    def of(cls, before: str, behind: str, recorded_as: str | None, slate: KeptSlate | None = None) -> KeptAnswer | None:
        """An answer to somebody.

        Args:
            before: its text up to the decision's id.
            behind: from there on.
            recorded_as: whose; None: nobody's in particular.
            slate: what it was drawn from. Its decisions are the slate's, too, so that where the one is kept the other is.

        Returns:
            None where the id could not be put back into its place.
        """
        body = before + behind
        if not (before.endswith(_PLACE) and behind.startswith('"')) or body.count(_EMPTY) != 1:
            return None
        return cls(hash_of(body if slate is None else f"{slate.slate_id}\n{body}", recorded_as), body)


def record_answers(connection: Connection, answers: Iterable[tuple[KeptAnswer, str | None]]) -> set[str]:
    """Write answers that are not here yet, each with whose it is; in the transaction of the decisions that name them: none is missing.

    Returns:
        Ids of those that were here already.
    """
    wanted = {one.answer_id: (one.answer_id, whose, one.body) for one, whose in answers}
    known = known_ids(connection, ANSWERS, wanted)
    add_rows(connection, ANSWERS, ("answer_id", "recorded_as", "body"), [row for one, row in wanted.items() if one not in known])
    return known


def whole_answer(decision_id: str, body: str, kept: str | None) -> str:
    """JSON of a decision's answer, from its own text and what it repeats; None: it repeats nothing, and stands by itself."""
    return body if kept is None else kept.replace(_EMPTY, f'{_PLACE}{decision_id}"', 1)
