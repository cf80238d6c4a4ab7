"""A block of numbers as bytes: what the online store holds per customer, read back in microseconds without any schema service.

Layout, little endian: magic `HB01`, the feature set's hash (16 ASCII), the as-of date (int64, microseconds since 1970 UTC), the length
of the labels
(uint32), the labels as UTF-8 JSON, then the values as float64, row by row. Packing is exact: NaN and every bit survive.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from features.errors import StateBroken

_MAGIC = b"HB01"
_HEADER = struct.Struct("<4s16sqII")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Block:
    """Labelled rows of numbers.

    Attributes:
        feature_hash: 16 hex digits of the columns' names and order.
        as_of: what the numbers look from, UTC.
        labels: (rows,) names of the rows, e.g. categories; a single "" for a plain vector.
        values: (rows, columns) float64.
    """

    feature_hash: str
    as_of: datetime
    labels: tuple[str, ...]
    values: NDArray[np.float64]

    def pack(self) -> bytes:
        """To bytes."""
        labels = json.dumps(self.labels, ensure_ascii=False).encode()
        micros = (self.as_of - _EPOCH) // timedelta(microseconds=1)
        columns = self.values.shape[1]
        head = _HEADER.pack(_MAGIC, self.feature_hash.encode(), micros, len(labels), columns)
        return head + labels + np.ascontiguousarray(self.values, dtype="<f8").tobytes()

    @classmethod
    def unpack(cls, data: bytes, *, feature_hash: str | None = None) -> Block:
        """From bytes.

        Args:
            data: what `pack` made.
            feature_hash: hash the reader expects.

        Raises:
            StateBroken: not a block, truncated, or of other features.
        """
        if len(data) < _HEADER.size:
            raise StateBroken("An online feature row is truncated; run `huitou build --force`.")
        magic, found, micros, size, columns = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise StateBroken("An online feature row has an unknown form; run `huitou build --force`.")
        name = found.decode("ascii", errors="replace")
        if feature_hash is not None and name != feature_hash:
            raise StateBroken(f"Online features are of set {name}, expected {feature_hash}; run `huitou build --force`.")
        start = _HEADER.size + size
        try:
            labels = tuple(json.loads(data[_HEADER.size : start]))
        except ValueError as error:
            raise StateBroken("An online feature row is truncated or damaged; run `huitou build --force`.") from error
        if len(data) - start != 8 * columns * len(labels):
            raise StateBroken("An online feature row is truncated; run `huitou build --force`.")
        values = np.frombuffer(data, dtype="<f8", offset=start).reshape(len(labels), columns)
        return cls(name, _EPOCH + timedelta(microseconds=micros), labels, values)
