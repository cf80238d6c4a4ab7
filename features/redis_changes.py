"""Hears from the Redis which customers' rows have changed, so that a row that was read once need not be read to know that it still holds.

Redis' own client-side caching (https://redis.io/docs/latest/develop/reference/client-side-caching, broadcasting mode): the server tells of
every key below a prefix that is written, deleted, evicted or flushed. One connection hears it and another asks for it; both are asked for a
sign of life ten times a second, and whoever asks here is told nothing unless both gave one lately: then a row is read as before. So a row
may be remembered at most `_TRUST` seconds longer than the server holds it, should the lines be cut without anybody being told.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from features.feast_bytes import entity_key
from features.redis_server import RedisServer

if TYPE_CHECKING:
    from redis import Redis

_PLACES: Final = 4096  # customers share them: a row that changed has a few others read anew
_LOG: Final = logging.getLogger("huitou.features")
_BEAT: Final = 0.1  # seconds between two signs of life
_TRUST: Final = 0.3  # seconds for which one is good, from when it was asked for
_REST: Final = 0.5  # seconds before a line that was lost is taken up again
_REFUSED: Final = 10.0  # the same, where the server answered that it does not tell, or may not
_CHANNEL: Final = "__redis__:invalidate"
_START: Final = len(entity_key(""))
_PREFIX: Final = entity_key("")[:-4]  # all but the length of the id


class RedisChanges:
    """Of one build's rows; a thread hears from the first question on until `close`, or until nobody holds this any more."""

    def __init__(self, server: RedisServer, end: bytes) -> None:
        """Prepare; nothing is connected before the first question.

        Args:
            server: where the Redis is.
            end: of the keys, behind the customer's id.
        """
        self._server, self._heard = server, _Heard(end)
        self._stop = threading.Event()
        self._begin = threading.Lock()
        self._begun = False
        weakref.finalize(self, self._stop.set).atexit = False

    def of(self, customer_id: str) -> int | None:
        """Names a state of a customer's row: while it stays the same, so does the row. None: it cannot be told now."""
        if not self._begun:
            self._listen()
        heard = self._heard
        return heard.number(customer_id) if time.monotonic() < heard.until else None

    def close(self) -> None:
        """Hang up."""
        self._stop.set()

    def _listen(self) -> None:
        with self._begin:
            if not self._begun:
                self._begun = True
                # Not a method: the thread must not hold what ends it.
                threading.Thread(target=_listen, args=(self._server, self._heard, self._stop), name="redis-changes", daemon=True).start()


class _Heard:
    """What was heard; changed by one thread, read by any.

    Attributes:
        until: until when silence means that nothing has changed, by `time.monotonic`.
    """

    def __init__(self, end: bytes) -> None:
        self.until = 0.0
        self._end, self._stop = end, -len(end)
        self._beginning = 0  # how often everything was forgotten
        self._places = [0] * _PLACES

    def number(self, customer_id: str) -> int:
        return (self._beginning << 64) | self._places[hash(customer_id) % _PLACES]

    def forget(self) -> None:
        """Anything may have changed."""
        self._beginning += 1

    def take(self, told: Any) -> bool:  # noqa: ANN401 - as the line gives it
        """Take in a message; returns whether it was the sign of life."""
        kind, _, keys = told if len(told) == 3 else (*told, None)
        if kind != b"message":
            return bool(kind == b"pong")
        if keys is None:  # the server was emptied
            self.forget()
            return False
        for key in keys:
            if key.endswith(self._end):
                self._places[hash(key[_START : self._stop].decode(errors="replace")) % _PLACES] += 1
        return False


def _listen(server: RedisServer, heard: _Heard, stop: threading.Event) -> None:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError, ResponseError
    from redis.retry import Retry

    told = False
    while not stop.is_set():
        client: Redis = Redis.from_url(
            server.url,
            socket_timeout=_TRUST,
            socket_connect_timeout=_TRUST,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            client_name="huitou-changes",
        )
        rest = _REST
        try:
            with contextlib.closing(client):
                _hear(client, heard, stop)
        except ResponseError as error:
            rest = _REFUSED
            if not told:
                _LOG.warning("The Redis with the online rows (%s) tells no changes (%s): each answer reads its row.", server.shown, error)
            told = True
        except (RedisError, OSError):  # safe: what cannot be heard is read
            pass
        heard.until = 0.0
        stop.wait(rest)


def _hear(client: Redis, heard: _Heard, stop: threading.Event) -> None:
    """Hear what changes until told to stop.

    Raises:
        RedisError, OSError: a line was lost, or the server does not tell changes.
    """
    pool = client.connection_pool
    hears, asks = (_Line(pool.get_connection()) for _ in range(2))
    number = hears.told("CLIENT", "ID")
    hears.told("SUBSCRIBE", _CHANNEL)
    asks.told("CLIENT", "TRACKING", "ON", "REDIRECT", number, "BCAST", "PREFIX", _PREFIX)
    heard.forget()  # what changed before was not heard
    while not stop.is_set():
        asked = time.monotonic()
        asks.told("PING")  # with that line the server would forget what to tell
        hears.send("PING")
        while not heard.take(hears.read()):
            pass
        heard.until = asked + _TRUST
        while (left := asked + _BEAT - time.monotonic()) > 0 and hears.is_told(left):
            heard.take(hears.read())


class _Line:
    """A connection of the library's, whose methods it leaves untyped."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401
        self._connection = connection

    def send(self, *words: object) -> None:
        self._connection.send_command(*words)

    def read(self) -> Any:  # noqa: ANN401
        return self._connection.read_response()

    def told(self, *words: object) -> Any:  # noqa: ANN401
        self.send(*words)
        return self.read()

    def is_told(self, seconds: float) -> bool:
        return bool(self._connection.can_read(timeout=seconds))
