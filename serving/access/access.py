"""The door: who is behind a request's headers, and may they? Follows the file of keys while the service runs.

Without a file and without write keys the service is open, which is why it then listens on this machine only. From the first key on every
door is locked, and stays so: a file that is emptied, or vanishes, lets nobody in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.ledger.ledger import wall_clock
from serving.access.errors import KeyRefused, KeysBroken, RateExceeded, ScopeMissing, Unlocked
from serving.access.key_file import read_keys
from serving.access.keys import BURST, PER_SECOND, Key, digest_of
from serving.access.scopes import EVERYTHING, Scope
from serving.access.token_bucket import TokenBucket
from serving.file_stamp import stamp_of

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OPEN_ACTOR = "api"  # in the audit log, of whoever asked while no key was needed
_SHORTEST = 16  # characters of a write key, which a person chose, where strangers can try
_WRITING = frozenset({Scope.INGEST})
SEND_A_KEY = "Send a key of the service as `Authorization: Bearer KEY`, or as the user name of HTTP Basic; `huitou keys create` makes one."

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asks, and what they may do.

    Attributes:
        actor: for the audit log; at most 64 characters.
        scopes: of the key.
        bucket: of the key; None where it has no limit.
    """

    actor: str
    scopes: frozenset[Scope]
    bucket: TokenBucket | None = None

    def demand(self, scope: Scope) -> None:
        """Let pass.

        Raises:
            ScopeMissing: the key is not good for it.
        """
        if scope not in self.scopes:
            raise ScopeMissing(
                f"This needs the scope `{scope}`; the key sent has {', '.join(f'`{one}`' for one in sorted(self.scopes))}. "
                f"`huitou keys create NAME --scope {scope}` makes one."
            )


OPEN = Grant(OPEN_ACTOR, EVERYTHING)


@dataclass(frozen=True, slots=True)
class _Proof:
    digest: bytes
    until: float | None  # seconds since 1970
    grant: Grant


class Access:
    """The keys in force.

    Attributes:
        problem: why the newest file is not in force, or None.
    """

    def __init__(
        self,
        path: Path,
        write_keys: Sequence[str] = (),
        *,
        clock: Callable[[], datetime] = wall_clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file for the first time.

        Args:
            path: of the file, which need not be there.
            write_keys: of the settings: each is a key of the scope `ingest`.
            clock: UTC, for secrets that end.
            seconds: for rates.

        Raises:
            KeysBroken: the file cannot be read: a service that does not know who may come in does not start.
        """
        self._path, self._clock, self._seconds = path, clock, seconds
        self._write_keys = tuple(write_keys)
        self._buckets: dict[str, TokenBucket] = {}
        self._seen = stamp_of(self._path)
        self._proofs: dict[bytes, _Proof] = {}
        self.problem: str | None = None
        keys = read_keys(path)
        self._locked = keys is not None or bool(write_keys)
        self._take_over(keys or ())

    @property
    def locked(self) -> bool:
        """Whether a key is needed."""
        return self._locked

    def demand_lock(self, host: str) -> None:
        """See to it that a service beyond this machine has keys, before it listens.

        Args:
            host: address it is to listen on.

        Raises:
            Unlocked: it has none, or one that can be guessed.
        """
        if host in LOOPBACK:
            return
        if not self._locked:
            raise Unlocked(
                f"Listening on {host!r} is refused: without a key everybody who reaches this machine could read and erase customers. "
                f"Make one with `huitou keys create NAME --scope decide`, or listen on {', '.join(LOOPBACK)}."
            )
        if any(len(key) < _SHORTEST for key in self._write_keys):
            raise Unlocked(
                f"Listening on {host!r} is refused: a key in HUITOU_WRITE_KEYS has fewer than {_SHORTEST} characters and could be guessed. "
                "Make one with `huitou keys create NAME --scope ingest`."
            )

    def look(self) -> bool:
        """Take over the file if it has changed; returns whether it has. A few microseconds when not."""
        stamp = stamp_of(self._path)
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            keys = read_keys(self._path)
        except KeysBroken as error:
            self.problem = f"{error} The keys before it are in force."
            return False
        self.problem = None
        self._locked = self._locked or keys is not None
        self._take_over(keys or ())
        return True

    def admit(self, headers: Headers, scope: Scope) -> Grant:
        """Who sent a request with these headers; counts against their rate. For routes that do without FastAPI.

        Args:
            headers: of the ASGI scope: names in lower case.
            scope: what the request needs.

        Raises:
            KeyRefused, ScopeMissing, RateExceeded: not let in.
        """
        grant = self.identify(next((value for name, value in headers if name == b"authorization"), None))
        if grant is None:
            raise KeyRefused(SEND_A_KEY)
        grant.demand(scope)
        return grant

    def identify(self, authorization: bytes | None) -> Grant | None:
        """Who proves themselves with an Authorization header; None: it is not there, and one is needed.

        Raises:
            KeyRefused: it proves nothing.
            RateExceeded: the key has asked too often.
        """
        if not self._locked:
            return OPEN
        if authorization is None:
            return None
        return self.prove(_key_in(authorization))

    def known(self, authorization: bytes | None) -> Grant | None:
        """Whom `identify` would let in; counts against nobody's rate, and None says that it would object, or has more to ask."""
        if not self._locked:
            return OPEN
        proof = None if authorization is None else self._proof_of(_key_in(authorization))
        return None if proof is None or self._is_over(proof) else proof.grant

    def prove(self, key: bytes) -> Grant:
        """Whose key it is.

        Raises:
            KeyRefused: nobody's, or its time is over.
            RateExceeded: it has asked too often.
        """
        if not self._locked:
            return OPEN
        proof = self._proof_of(key)
        if proof is None:
            raise KeyRefused(SEND_A_KEY)
        if self._is_over(proof):
            raise KeyRefused("This key was rotated and its time is over; use the new one.")
        bucket = proof.grant.bucket
        if bucket is not None:
            wait = bucket.take()
            if wait > 0:
                raise _too_often(bucket, wait)
        return proof.grant

    def _proof_of(self, key: bytes) -> _Proof | None:
        # Found by its hash: how long that takes says nothing of how much of a key was right.
        digest = digest_of(key)
        proof = self._proofs.get(digest)
        return proof if proof is not None and hmac.compare_digest(proof.digest, digest) else None

    def _is_over(self, proof: _Proof) -> bool:
        return proof.until is not None and self._clock().timestamp() >= proof.until

    def _take_over(self, keys: Sequence[Key]) -> None:
        proofs: dict[bytes, _Proof] = {}
        for number, told in enumerate(self._write_keys, 1):
            digest = digest_of(told.encode())
            name = f"write-key-{number}"
            proofs[digest] = _Proof(digest, None, Grant(f"key:{name}", _WRITING, self._bucket(name, PER_SECOND, BURST)))
        for key in keys:
            grant = Grant(f"key:{key.name}", key.scopes, self._bucket(key.name, key.per_second, key.burst))
            for secret in key.secrets:
                digest = bytes.fromhex(secret.sha256)
                proofs[digest] = _Proof(digest, None if secret.until is None else secret.until.timestamp(), grant)
        self._proofs = proofs  # at once: a request under way sees the old ones or the new ones

    def _bucket(self, name: str, per_second: float, burst: int) -> TokenBucket | None:
        if per_second == 0:
            return None
        known = self._buckets.get(name)
        if known is None or (known.per_second, known.burst) != (per_second, burst):
            known = self._buckets[name] = TokenBucket(per_second, burst, self._seconds)
        return known  # what a key has used stays used, whatever happens to others or to its secrets


def _key_in(authorization: bytes) -> bytes:
    """The key that an Authorization header tells; empty where it tells none."""
    how, _, told = authorization.partition(b" ")
    match how.lower():
        case b"bearer":
            return told.strip()
        case b"basic":
            try:
                return base64.b64decode(told.strip(), validate=True).partition(b":")[0]
            except binascii.Error:
                return b""
        case _:
            return b""


def _too_often(bucket: TokenBucket, wait: float) -> RateExceeded:
    seconds = max(1, math.ceil(wait))
    return RateExceeded(
        f"This key may ask {bucket.per_second:g} times a second, {bucket.burst:,} at once after a rest; come back in {seconds} s.",
        {"retry-after": str(seconds), **bucket.headers()},
    )
