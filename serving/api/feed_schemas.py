"""What a shop feeds: products, stock, offers, bundles, content. Each item is judged by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from serving.api.fields import NO_CONTROL_CHARACTERS, OpaqueId, Whole

MAX_ITEMS = 1000
Text = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_CONTROL_CHARACTERS)]


class Fed(BaseModel):
    """Base: what is not named here is refused, so that a misspelt field does not vanish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProductFed(Fed):
    """A product; a later word replaces the earlier as a whole."""

    product_id: OpaqueId
    name: Text | None = None
    product_category: Text | None = None
    department: Text | None = None
    brand: Text | None = None
    product_type: Text | None = None
    package_size: Text | None = None
    in_catalogue: bool = Field(default=True, description="False: no longer offered.")


class StockFed(Fed):
    """Pieces of one product."""

    product_id: OpaqueId
    quantity: Whole | None = Field(
        ge=0, le=10**12, description="0: sold out, left out of every answer at once. null: the shop does not say."
    )


class BundleFed(Fed):
    """A set of products sold together."""

    bundle_id: OpaqueId
    label: Text | None = None
    product_ids: Annotated[tuple[OpaqueId, ...], Field(min_length=2, max_length=50)]


class ContentFed(Fed):
    """An article, a video, a live session."""

    content_id: OpaqueId
    type: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
    title: dict[Literal["zh", "en"], Text] = {}
    product_ids: Annotated[tuple[OpaqueId, ...], Field(max_length=1000)] = ()
    url: Annotated[str, StringConstraints(max_length=2048, pattern=NO_CONTROL_CHARACTERS)] | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class RefusedItem(BaseModel):
    """An item that was not kept."""

    index: int = Field(ge=0, description="Place in the call, from 0.")
    field: str
    reason: str


class FeedAnswer(BaseModel):
    """Counts, and every item that was refused. What is counted as accepted is committed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"accepted": 1, "refused": 1, "items": [{"index": 1, "field": "quantity", "reason": "Input should be >= 0"}]}]
        }
    )

    accepted: int = Field(ge=0)
    refused: int = Field(ge=0)
    items: list[RefusedItem] = []


class DocumentAnswer(BaseModel):
    """A document as it was fed."""

    model_config = ConfigDict(extra="allow")


class DocumentsAnswer(BaseModel):
    """A page of documents."""

    items: list[dict[str, Any]]
    next_cursor: str | None = Field(default=None, description="Hand it back as `cursor` for the next page; null on the last.")


class StockAnswer(BaseModel):
    """A page of stock levels."""

    items: list[StockFed]
    next_cursor: str | None = Field(default=None, description="Hand it back as `cursor` for the next page; null on the last.")


def now_or(value: datetime | None, now: datetime) -> datetime:
    """A stated time, or the clock's."""
    return now if value is None else value


def request_body(item: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI description of a list of items under `items`."""
    schema = {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "maxItems": MAX_ITEMS, "items": _in_place(item)}},
    }
    content = {"application/json": {"schema": schema, "examples": {"one": {"value": {"items": [example]}}}}}
    return {"requestBody": {"required": True, "description": f"At most {MAX_ITEMS} items.", "content": content}}


def _in_place(item: type[BaseModel]) -> dict[str, Any]:
    """The item's schema with what it refers to put in: inside an OpenAPI document `#/$defs/…` would lead nowhere."""
    schema = item.model_json_schema()
    defined = schema.pop("$defs", {})

    def put_in(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
        if isinstance(part, list):
            return [put_in(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return put_in(defined[part["$ref"].rsplit("/", 1)[-1]])
        return {name: put_in(one) for name, one in part.items()}

    placed: dict[str, Any] = put_in(schema)
    return placed
