"""How Feast writes keys, values and field names, as far as we read and write them ourselves; tests hold each equal to Feast's own."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from features.errors import StateBroken

PROJECT = "huitou"
VIEW = "customer_online"
ENTITY = "customer_id"

_STRING = 2  # feast.types.ValueType.STRING
_BYTES_TAG = 0x0A  # protobuf: field 1 (bytes_val), length-delimited
_SECONDS_TAG, _NANOS_TAG = 0x08, 0x10  # protobuf: fields 1 and 2 of a Timestamp, varints
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def entity_key(customer_id: str) -> bytes:
    """Feast's entity key, serialization version 3: count, key type, key length, key, value type, value length, value."""
    key, value = ENTITY.encode(), customer_id.encode()
    return struct.pack(f"<III{len(key)}sII", 1, _STRING, len(key), key, _STRING, len(value)) + value


def bytes_value(data: bytes) -> bytes:
    """The bytes inside a serialized Feast `Value` message that holds nothing else.

    Raises:
        StateBroken: the message is of another type.
    """
    if not data or data[0] != _BYTES_TAG:
        raise StateBroken("The online store holds a value that is not packed bytes; run `huitou build --force`.")
    length, shift = 0, 0
    for at, byte in enumerate(data[1:], start=2):
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80 and len(data) == at + length:
            return data[at:]
        if not byte & 0x80:
            break
    raise StateBroken("An online value is truncated; run `huitou build --force`.")


def feast_value(data: bytes) -> bytes:
    """A serialized Feast `Value` message that holds bytes: the inverse of `bytes_value`."""
    return bytes((_BYTES_TAG, *_varint(len(data)))) + data


def feast_stamp(at: datetime) -> bytes:
    """A serialized protobuf `Timestamp`, as Feast keeps beside a row in Redis.

    Args:
        at: not before 1970, with a time zone.
    """
    since = at - _EPOCH
    seconds, micros = since // timedelta(seconds=1), since.microseconds
    whole = bytes((_SECONDS_TAG, *_varint(seconds))) if seconds else b""
    return whole + (bytes((_NANOS_TAG, *_varint(micros * 1000))) if micros else b"")


def redis_field(feature: str) -> bytes:
    """Name of a feature of the packed view in Feast's Redis hash: MurmurHash3 (x86, 32 bits, seed 0) of `view:feature`, little endian."""
    return struct.pack("<I", _murmur3(f"{VIEW}:{feature}".encode()))


def _varint(number: int) -> list[int]:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return [*parts, number]


def _murmur3(data: bytes) -> int:
    # Austin Appleby's public-domain algorithm with its own constants; Feast takes it from a library that the service does not need.
    hashed, whole = 0, len(data) & ~3
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        hashed = (_rotated(hashed ^ _mixed(block), 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    hashed ^= _mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        hashed = (hashed ^ hashed >> shift) * factor & 0xFFFFFFFF
    return hashed ^ hashed >> 16


def _mixed(block: int) -> int:
    return _rotated(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF


def _rotated(number: int, by: int) -> int:
    return (number << by | number >> 32 - by) & 0xFFFFFFFF
