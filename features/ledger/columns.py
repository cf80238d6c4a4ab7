"""The ledger's metadata and the column types that its tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, String
from sqlalchemy.types import TypeDecorator

# Named constraints, so that a migration can find them again on either database.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_UNIT = 10_000

# SQLite numbers rows by itself only in a column that is called INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")
Id = String(200)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, kept as whole microseconds since 1970: exact, ordered, and the same on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From a time with its zone."""
        return None if value is None else micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """To a time in UTC."""
        return None if value is None else moment(int(value))


class Amount(TypeDecorator[Decimal]):
    """An amount of money, kept as whole ten-thousandths: exact on every database, also on one that knows no decimals."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From a decimal; what is finer than a ten-thousandth is rounded."""
        return None if value is None else int((value * _PER_UNIT).to_integral_value(ROUND_HALF_EVEN))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """To a decimal."""
        return None if value is None else Decimal(int(value)) / _PER_UNIT


def micros(value: datetime) -> int:
    """Microseconds since 1970 of a time with its zone."""
    return (value - EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The time, UTC, of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)
