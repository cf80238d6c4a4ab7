"""Where a Redis is, as a setting names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

READ_SECONDS = 0.05  # a request's patience with one read; it takes a tenth of a millisecond
_SCHEMES = ("redis", "rediss")


@dataclass(frozen=True)
class RedisServer:
    """Where a Redis is.

    Attributes:
        url: redis:// or rediss:// with host, port, database and password.
        patience: seconds that a line or an answer may take in a request.
    """

    url: str = field(repr=False)  # it may hold a password
    patience: float = READ_SECONDS

    @property
    def shown(self) -> str:
        """Host, port and database."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or 6379}{parts.path}"

    @property
    def feasts(self) -> str:
        """The address in Feast's own form."""
        parts = urlsplit(self.url)
        options = {
            "db": parts.path.strip("/"),
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "ssl": "true" if parts.scheme == "rediss" else "",
            **dict(parse_qsl(parts.query)),
        }
        return ",".join((f"{parts.hostname}:{parts.port or 6379}", *(f"{name}={value}" for name, value in options.items() if value)))


def demand_address(url: str | None) -> None:
    """Refuse what is no address.

    Raises:
        ValueError: it is not one of a Redis; nothing of it is repeated, since it may hold a password.
    """
    if url and (urlsplit(url).scheme not in _SCHEMES or not urlsplit(url).hostname):
        raise ValueError("not an address such as redis://host:6379/0 or rediss://user:password@host:6380/0")


def redis_server(url: str | None, patience: float = READ_SECONDS) -> RedisServer | None:
    """The server that a setting names; None where it names none."""
    return RedisServer(url, patience) if url else None
