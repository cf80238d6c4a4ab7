"""Lines to the Redis that holds customers' online rows: no call waits long, and errors are ours."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from features.errors import HuitouError, StateBroken, StoreAway
from features.ledger.outages import Outage
from features.redis_server import RedisServer

if TYPE_CHECKING:
    from redis import ConnectionPool, Redis

_BATCH_SECONDS = 10.0  # of commands that nobody waits for


class RedisLine:
    """Connections to one server, used by many threads; after one call was let down the others are told at once for half a second."""

    def __init__(self, server: RedisServer, *, patience: float = _BATCH_SECONDS) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            server: where it is.
            patience: seconds that a connection or an answer may take.

        Raises:
            HuitouError: the library is not installed.
        """
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError  # noqa: A004 - the library's own
            from redis.retry import Retry
        except ImportError as error:
            raise HuitouError("HUITOU_ONLINE_URL names a Redis, and its library is not installed: `pip install redis`.") from error
        self.server = server
        self._client: Redis = Redis.from_url(
            server.url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),  # the next request is the next attempt
            protocol=2,
            max_connections=256,
            client_name="huitou",
        )
        self._silent: tuple[type[Exception], ...] = (ConnectionError, TimeoutError, BusyLoadingError)
        self._refused: type[Exception] = RedisError
        self._outage = Outage(StoreAway)
        self._lost: type[Exception] = ConnectionError
        self._here = threading.local()

    @contextlib.contextmanager
    def calling(self) -> Iterator[Any]:  # the client's own types differ between its synchronous and asynchronous halves
        """The client.

        Raises:
            StoreAway: the server does not answer, did not in time, or has just let somebody else down.
            StateBroken: it refuses.
        """
        with self._outage.minded():
            try:
                yield self._client
            except self._silent as error:
                raise StoreAway(f"The Redis with the online rows ({self.server.shown}) does not answer ({_said(error)}).") from error
            except self._refused as error:
                raise StateBroken(f"The Redis with the online rows ({self.server.shown}) refused ({_said(error)}).") from error

    def told(self, *words: bytes | str) -> Any:  # noqa: ANN401 - whatever the command answers
        """The answer to one command, by a connection that this thread keeps: the client around it costs more than it.

        Args:
            words: of a command that only reads: where the line was lost it is sent once more.

        Raises:
            StoreAway, StateBroken: as `calling`.
        """
        with self.calling() as client:
            held: _Held | None = getattr(self._here, "held", None)
            if held is None:
                held = self._here.held = _Held(client.connection_pool)
            kept = held.connection
            with contextlib.suppress(self._lost):  # safe: the server may have hung up since the last command; it is asked on a new line
                kept.send_command(*words)
                return kept.read_response()
            kept.send_command(*words)  # a connection that failed was closed by the library, and opens itself
            return kept.read_response()

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class _Held:
    """A connection of a thread's own; back in the pool when the thread ends, and its locals with it."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.connection: Any = pool.get_connection()  # whose methods the library leaves untyped
        weakref.finalize(self, pool.release, self.connection).atexit = False


def _said(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
