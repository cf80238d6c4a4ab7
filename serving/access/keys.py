"""A key: a name, what it is good for, how often it may ask, and the hashes of the secrets that prove it.

A secret is 256 bits from the system's random source, so its plain SHA-256 is enough: nobody can try that many, and a slow hash, which
protects what people choose, would only make every request slow.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from serving.access.errors import KeyUnknown
from serving.access.scopes import Scope

PREFIX = "huitou_"  # so that a scanner of repositories, or whoever finds one in a log, knows what it is
_SECRET_BYTES = 32
PER_SECOND = 1_000.0  # about what one core answers: a caller that runs wild meets it, one that works does not
BURST = 2_000

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,47}$")]


class Secret(BaseModel):
    """A secret that proves the key.

    Attributes:
        sha256: of the secret, hexadecimal.
        until: UTC; from then on it proves nothing. None: until it is revoked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    until: AwareDatetime | None = None

    def proves_at(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.until is None or now < self.until


class Key(BaseModel):
    """One caller.

    Attributes:
        name: stands in the audit log.
        scopes: at least one.
        per_second: requests that it may send in the long run; 0: without a limit.
        burst: requests that it may send at once after a rest.
        created_at: UTC.
        secrets: the newest last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    scopes: frozenset[Scope] = Field(min_length=1)
    per_second: float = Field(default=PER_SECOND, ge=0, le=1e6, allow_inf_nan=False)
    burst: int = Field(default=BURST, ge=1, le=10_000_000)
    created_at: AwareDatetime
    secrets: tuple[Secret, ...] = ()


def digest_of(secret: bytes) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret).digest()


def new_key(
    name: str, scopes: frozenset[Scope], *, per_second: float = PER_SECOND, burst: int | None = None, now: datetime
) -> tuple[Key, str]:
    """A key and its secret, which is nowhere else.

    Args:
        name: lower-case letters, digits and `._-`, at most 48.
        scopes: at least one.
        per_second: requests in the long run; 0: without a limit.
        burst: requests at once after a rest; by default those of two seconds.
        now: UTC.

    Raises:
        pydantic.ValidationError: a name or a limit that is not allowed.
    """
    plain = _secret()
    at_once = max(1, math.ceil(2 * per_second)) if burst is None else burst
    return Key(name=name, scopes=scopes, per_second=per_second, burst=at_once, created_at=now, secrets=(_kept(plain),)), plain


def rotated(key: Key, *, now: datetime, until: datetime) -> tuple[Key, str]:
    """The key with a new secret, and that secret.

    Args:
        key: as it was.
        now: UTC; secrets that no longer count are dropped.
        until: UTC; from then on the earlier secrets prove nothing.
    """
    plain = _secret()
    kept = (one.model_copy(update={"until": until if one.until is None else min(one.until, until)}) for one in key.secrets)
    return key.model_copy(update={"secrets": (*(one for one in kept if one.proves_at(now)), _kept(plain))}), plain


def named(keys: tuple[Key, ...], name: str) -> Key:
    """The key of a name.

    Raises:
        KeyUnknown: there is none.
    """
    found = next((key for key in keys if key.name == name), None)
    if found is None:
        raise KeyUnknown(f"There is no key {name!r}; `huitou keys list` names those there are.")
    return found


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _kept(plain: str) -> Secret:
    return Secret(sha256=digest_of(plain.encode()).hex())
