"""The mapping file: which column of a shop's file is which field, and how its text is to be read.

One part a kind of file; a file that is written otherwise than its kind has a part of its own::

    [orders.columns]
    order_id = "InvoiceNo"
    ordered_at = "InvoiceDate"
    [orders.reading]
    time_zone = "Europe/London"
    ["orders:2023.csv".columns]
    order_id = "Bon"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from features.errors import SourceUnreadable
from features.sources.tabular.kinds import KINDS, kind

FILE = "mapping.toml"
_HEAD = """\
# Which column of your files is which field. Edit it and import again; `huitou import tabular --help` explains the fields.
"""


class Reading(BaseModel):
    """How the text of a kind's files is to be read; None: found out from each file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: str | None = Field(default=None, description='"," ";" "\\t" "|" or "whitespace"')
    encoding: str | None = Field(default=None, description="e.g. utf-8, gb18030, cp1252")
    header: bool | None = Field(default=None, description="false: the first line is data; columns are called column_1, column_2, …")
    sheet: str | None = Field(default=None, description="sheet of a workbook; the first by default")
    decimal: str | None = Field(default=None, pattern=r"^[.,]$", description="decimal sign")
    time_formats: tuple[str, ...] = Field(default=(), description="strptime formats, tried in this order; epoch_s and epoch_ms too")
    time_zone: str = Field(default="UTC", description="zone of times that name none")
    earliest: str = Field(default="1980-01-01", description="times before it are impossible")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone such as Asia/Shanghai or Europe/London") from error
        return value


class Meaning(BaseModel):
    """What the rows of an order file mean beyond their columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refund_prefix: str = Field(default="", description="an order id that begins so takes back an earlier sale, e.g. C536379")
    duplicates: str = Field(default="quarantine", pattern="^(quarantine|keep)$", description="a line equal to an earlier one of its file")
    unknown_products: str = Field(
        default="quarantine", pattern="^(quarantine|keep)$", description="of lines, where product files were given"
    )
    charges: tuple[str, ...] = Field(
        default=(), description="product ids that are no merchandise (postage, fees): counted, never recommended"
    )
    amount_of: str = Field(
        default="line", pattern="^(line|order)$", description="whose amount stands in a line; an order's is divided among its lines"
    )
    constants: dict[str, str] = Field(default_factory=dict, description='a field that is the same in every row, e.g. type = "viewed"')


class Part(BaseModel):
    """The mapping of one kind of file.

    Attributes:
        columns: field → column of the file.
        reading: how its text is read.
        meaning: what its rows mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, str]
    reading: Reading = Reading()
    meaning: Meaning = Meaning()


class Mapping(BaseModel):
    """Kind, or `kind:file`, → its part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, Part]

    @model_validator(mode="after")
    def _known_names(self) -> Mapping:
        for full_name, part in self.parts.items():
            name = full_name.split(":")[0]
            if name not in {k.name for k in KINDS}:
                raise ValueError(f"there is no part [{name}]; choose from {', '.join(k.name for k in KINDS)}")
            fields = [field.name for field in kind(name).fields]
            for field in (*part.columns, *part.meaning.constants):
                if field not in fields:
                    raise ValueError(f"[{name}.columns] has no field {field}; choose from {', '.join(fields)}")
        return self

    def part_of(self, kind_name: str, path: Path) -> Part | None:
        """The part of a file: its own, or that of its kind."""
        return self.parts.get(f"{kind_name}:{path.name}", self.parts.get(kind_name))

    def with_part(self, name: str, part: Part) -> Mapping:
        """The same mapping with one part put in."""
        return Mapping(parts={**self.parts, name: part})


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file; a missing one is empty.

    Raises:
        SourceUnreadable: names the file and the entry.
    """
    if not path.is_file():
        return Mapping(parts={})
    try:
        return Mapping.model_validate({"parts": tomllib.loads(path.read_text(encoding="utf-8"))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceUnreadable(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise SourceUnreadable(f"{path}{f', entry {where}' if where else ''}: {first['msg'].removeprefix('Value error, ')}.") from error


def save_mapping(path: Path, mapping: Mapping) -> None:
    """Write the mapping whole, by one rename; entries at their defaults are left out."""
    parts = mapping.model_dump(mode="json", exclude_defaults=True)["parts"]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    aside.write_text(_HEAD + tomli_w.dumps(_plain(parts)), encoding="utf-8")
    aside.replace(path)


def _plain(value: AnyMapping[str, object]) -> dict[str, object]:
    return {key: _plain(item) if isinstance(item, AnyMapping) else item for key, item in value.items() if item is not None}
