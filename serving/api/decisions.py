"""`GET /v1/decisions/{decision_id}`: one decision made again and explained, factor by factor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import ValidationError

from features.decisions.breakdown import breakdown
from features.decisions.record import Considered, DecisionRecord, Holdout
from features.decisions.replay import replay
from features.ledger.decisions import decision_record
from serving.api.decision_schemas import ConsideredView, DecisionAnswer, FallenView, PartView
from serving.api.fields import OpaqueId, probability
from serving.api.problems import documented
from serving.errors import DecisionUnknown
from serving.services import Services

router = APIRouter(tags=["decisions"])


@router.get("/v1/decisions/{decision_id}", response_model=DecisionAnswer, responses=documented(404, 503))
async def decision(decision_id: Annotated[OpaqueId, Path()], request: Request) -> Response:
    """Replay a decision from its record and explain it in English and Chinese: what each offer was worth, why, and what was dropped.

    A decision can be asked for some tenth of a second after it was made, and as long as it is kept.
    """
    services: Services = request.app.state.services
    answer = await services.aside(explained, services, decision_id)
    return Response(answer.model_dump_json(), media_type="application/json")


def explained(services: Services, decision_id: str) -> DecisionAnswer:
    """The explanation.

    Raises:
        DecisionUnknown: there is no such decision, or none whose record this version can read.
        LedgerAway, LedgerBroken: the ledger does not answer.
    """
    with services.ledger.database.reading() as connection:
        kept = decision_record(connection, decision_id)
    if kept is None:
        raise DecisionUnknown(f"No decision {decision_id} is kept, or one from before records were.")
    try:
        record = DecisionRecord.model_validate_json(kept)
    except ValidationError as error:
        raise DecisionUnknown(f"The record of decision {decision_id} is of another version of huitou.") from error
    again = replay(record)
    english, chinese = _told(record)
    return DecisionAnswer(
        decision_id=record.decision_id,
        customer_id=record.customer_id,
        now=record.now,
        channel=record.channel,
        scenario=record.scenario,
        policy_version=record.policy_version,
        policy=record.policy.model_dump(mode="json"),
        holdout=record.holdout,
        experiments={one.experiment_id: one.arm for one in record.assignments},
        explored=record.explored,
        seed=str(record.seed),
        model_versions=record.model_versions,
        state=record.state,
        sentence_en=english,
        sentence_zh=chinese,
        considered=[_view(one, record) for one in sorted(record.considered, key=_by_slot)],
        dropped=[FallenView(**one.model_dump()) for one in record.dropped],
        replayed=again.same,
        differences=list(again.differences),
    )


def _by_slot(one: Considered) -> tuple[int, float, str]:
    return (one.slot or len(one.offer_id) + 10**6, -one.value, one.offer_id)


def _view(one: Considered, record: DecisionRecord) -> ConsideredView:
    return ConsideredView(
        offer_id=one.offer_id,
        type=one.type,
        slot=one.slot,
        value=one.value,
        propensity=probability(one.propensity),
        policy_propensity=probability(one.policy_propensity),
        uplift_source=one.factors.tau_source,
        parts=[PartView(**vars(part)) for part in breakdown(one, record.policy)],
    )


def _told(record: DecisionRecord) -> tuple[str, str]:
    first = record.given[0]
    name, chance = first.offer_id, f"{first.propensity:.1%}"
    if record.holdout is Holdout.UNIVERSAL:
        return (
            "Nothing: the customer belongs to the share that is sent nothing, so that the effect can be measured",
            "不发送:该顾客属于不发送任何内容的对照组,用于衡量效果",
        )
    if record.holdout is Holdout.MODEL_CONTROL:
        return (
            f"{name}, drawn evenly among what is lawful: the customer belongs to the model control",
            f"{name},在可发送项中随机抽取(模型对照组)",
        )
    if record.explored:
        return (
            f"{name}, drawn to learn about it; it came first with probability {chance}",
            f"{name},为学习其效果而抽取;排在首位的概率为 {chance}",
        )
    return (
        f"{name}, the best by what is known; it came first with probability {chance}",
        f"{name},按已知信息为最优;排在首位的概率为 {chance}",
    )
