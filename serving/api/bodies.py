"""Reading a request's body by hand, where a bad part of it must not refuse the whole."""

from __future__ import annotations

import json
import zlib

from fastapi import Request

from serving.errors import BodyMalformed, BodyTooLarge, EncodingUnknown
from serving.intake import shown
from serving.services import Services

_GZIP = 31  # zlib's window size with gzip's header


def unpacked(request: Request, body: bytes, limit: int) -> bytes:
    """The body without its `Content-Encoding`.

    Raises:
        EncodingUnknown: packed in a way that is not understood.
        BodyMalformed, BodyTooLarge: as `inflated`.
    """
    return decoded(body, request.headers.get("content-encoding", ""), limit)


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without the encoding that its head tells; errors as `unpacked`."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return inflated(body, limit)
        case other:
            raise EncodingUnknown(f"Content-Encoding {shown(other)} is not understood; send gzip, or the body as it is.")


async def read_body(request: Request) -> bytes:
    """The request's body, unpacked; errors as `unpacked`."""
    services: Services = request.app.state.services
    return unpacked(request, await request.body(), services.settings.events_limit_bytes)


def parsed(body: bytes) -> object:
    """JSON of the body.

    Raises:
        BodyMalformed: not UTF-8, not JSON, or nested too deep.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BodyMalformed(f"The body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}.") from error
    except RecursionError as error:
        raise BodyMalformed("The body is nested too deep.") from error
    except json.JSONDecodeError as error:
        raise BodyMalformed(f"The body is not JSON: {error}.") from error
    except ValueError as error:  # the parser's own limit on the digits of a whole number
        raise BodyMalformed("The body holds a number of more digits than are read.") from error


def inflated(body: bytes, limit: int) -> bytes:
    """The body without gzip.

    Raises:
        BodyMalformed: not gzip, or cut off.
        BodyTooLarge: larger than the limit when unpacked.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise BodyMalformed("The body says that it is gzip, but it is not.") from error
    if len(plain) > limit:
        raise BodyTooLarge(f"A body may have at most {limit:,} bytes when unpacked; send less, or several requests.")
    if not unpacker.eof:
        raise BodyMalformed("The gzip body is cut off.")
    if unpacker.unused_data:
        raise BodyMalformed("The gzip body goes on behind its end; send one gzip stream.")
    return plain
