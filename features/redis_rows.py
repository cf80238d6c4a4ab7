"""A build's rows in a Redis, in the layout of Feast's own Redis store: one hash a customer, key and fields as Feast writes them.

Beside them stands one more hash for the build: how many customers were written and how far the rows have followed the ledger. Rows and that
note change in one transaction. Where the note is missing the Redis has lost the rows (started anew without its files, or emptied), and
then nobody is taken for unknown: the reader says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from features.errors import HuitouError, StateBroken
from features.feast_bytes import VIEW, bytes_value, entity_key, feast_stamp, feast_value, redis_field
from features.redis_changes import RedisChanges
from features.redis_line import RedisLine
from features.redis_server import RedisServer

FEATURES = ("vector", "categories", "recent", "tags", "facts")
_FIELDS = [redis_field(name) for name in FEATURES]
_STAMP = f"_ts:{VIEW}".encode()
_AT_ONCE = 1_000  # customers a round trip: at 2 kB each 2 MB on the way, and their answers fit into a socket's buffer
_SCAN = 2_000  # keys looked at by one SCAN: below a millisecond of the server's only thread
_HEAD = b"*14\r\n$4\r\nHSET\r\n"
_LOST = "The Redis has lost the online rows; run `huitou build --force`, and let it keep them (docs/operations.md)."
_EVICTING = "allkeys-"

Rows = Mapping[str, list[Any]]


class RedisRows:
    """Rows of one build."""

    def __init__(self, server: RedisServer, project: str, *, in_requests: bool = False) -> None:
        """Prepare; nothing is connected.

        Args:
            server: where the Redis is.
            project: Feast's name of the build, see `features.online_place.place_of`.
            in_requests: whether somebody waits: then a call is given up after the server's patience.
        """
        self._line = RedisLine(server, patience=server.patience) if in_requests else RedisLine(server)
        self._end = project.encode()
        self._changes = RedisChanges(server, self._end) if in_requests else None
        self._note = f"{project}:rows".encode()

    def read(self, customer_id: str) -> dict[str, bytes]:
        """Feature → packed bytes; empty for somebody unknown.

        Raises:
            StoreAway: the server does not answer.
            StateBroken: the rows are lost.
        """
        values = self._line.told("HMGET", entity_key(customer_id) + self._end, *_FIELDS)
        found = {name: bytes_value(value) for name, value in zip(FEATURES, values, strict=True) if value is not None}
        if not found and not self._line.told("EXISTS", self._note):
            raise StateBroken(_LOST)
        return found

    def version(self, customer_id: str) -> int | None:
        """Names a state of a customer's row: while it stays the same, so does the row; None: it must be read to know."""
        return None if self._changes is None else self._changes.of(customer_id)

    def read_one(self, customer_id: str, feature: str) -> bytes | None:
        """One feature's packed bytes; None for somebody unknown; raises as `read`."""
        with self._line.calling() as client:
            value = client.hget(entity_key(customer_id) + self._end, _FIELDS[FEATURES.index(feature)])
            if value is None and not client.exists(self._note):
                raise StateBroken(_LOST)
            return None if value is None else bytes_value(value)

    def customer_ids(self) -> list[str]:
        """Everybody with a row, sorted; raises as `read`."""
        start, stop = len(entity_key("")), -len(self._end)
        with self._line.calling() as client:
            if not client.exists(self._note):
                raise StateBroken(_LOST)
            # All but the length of the id; a key may be told twice while the table of keys grows or shrinks.
            keys = set(client.scan_iter(match=entity_key("")[:-4] + b"*" + self._end, count=_SCAN))
        return sorted(key[start:stop].decode() for key in keys)

    def load(self, batches: Iterable[Rows]) -> int:
        """Write a whole build, some customers at a time, and then the note that it is whole.

        Args:
            batches: columns of packed rows, as `features.online.pack_customers` makes them.

        Returns:
            How many customers were written.

        Raises:
            HuitouError: the server would throw rows away when it is full.
            StoreAway, StateBroken: the server does not answer or refuses; the build is not whole.
        """
        customers = 0
        with self._line.calling() as client:
            _demand_lasting(client)
            connection = client.connection_pool.get_connection()
            try:
                for rows in batches:
                    commands = self._commands(rows)
                    while part := list(islice(commands, _AT_ONCE)):
                        connection.send_packed_command(part)
                        customers += sum(1 for _ in part if connection.read_response() is not None)
            except BaseException:
                connection.disconnect()  # answers may be under way that nobody will read
                raise
            finally:
                client.connection_pool.release(connection)
            client.hset(self._note, "customers", customers)
        return customers

    def change(self, rows: Rows, *, gone: Collection[str], note: Mapping[str, str | int]) -> None:
        """Write some rows, take others away and say so, all or nothing; raises as `read`."""
        with self._line.calling() as client:
            if not client.exists(self._note):
                raise StateBroken(_LOST)  # a note without the rows would hide it
            with client.pipeline(transaction=True) as together:
                for key, values in _rows(rows):
                    together.hset(key + self._end, mapping=values)
                for customer in gone:
                    together.delete(entity_key(customer) + self._end)
                together.hset(self._note, mapping=dict(note))
                together.execute()

    def tell(self, note: Mapping[str, str | int]) -> None:
        """Say something more of rows that are all there; raises as `read`."""
        with self._line.calling() as client:
            if not client.exists(self._note):
                raise StateBroken(_LOST)
            client.hset(self._note, mapping=dict(note))

    def remove(self, customer_ids: Collection[str]) -> int:
        """Take people away; returns how many values went. Raises as `read`."""
        keys = [entity_key(customer) + self._end for customer in customer_ids]
        with self._line.calling() as client, client.pipeline(transaction=True) as together:
            for key in keys:
                together.hlen(key)
                together.delete(key)
            told = together.execute()
        return sum(max(0, held - 1) for held in told[::2])  # without the stamp

    def note(self) -> dict[str, str]:
        """What is told of the rows.

        Raises:
            StoreAway: the server does not answer.
            StateBroken: the rows are lost.
        """
        with self._line.calling() as client:
            told = client.hgetall(self._note)
        if not told:
            raise StateBroken(_LOST)
        return {name.decode(): value.decode() for name, value in told.items()}

    def close(self) -> None:
        """Hang up."""
        if self._changes is not None:
            self._changes.close()
        self._line.close()

    def _commands(self, rows: Rows) -> Iterator[bytes]:
        """HSET of each customer as it goes over the line: the client's own packing takes five times as long."""
        for key, values in _rows(rows):
            told = b"".join(b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(name), name, len(value), value) for name, value in values.items())
            yield b"%b$%d\r\n%b%b\r\n%b" % (_HEAD, len(key) + len(self._end), key, self._end, told)


def sweep(server: RedisServer, beginning: str, kept: Collection[str]) -> int:
    """Delete the rows of builds that are no more; returns how many keys went.

    Args:
        server: where the Redis is.
        beginning: of all projects of one data folder, followed by eight more characters.
        kept: projects whose build is still there.

    Raises:
        StoreAway, StateBroken: the server does not answer or refuses.
    """
    length, gone = len(beginning) + 8, 0
    stay = {project.encode() for project in kept}
    line = RedisLine(server)
    try:
        with line.calling() as client:
            keys = client.scan_iter(match=f"*{beginning}????????*", count=_SCAN)
            old = (key for key in keys if key.removesuffix(b":rows")[-length:] not in stay)
            while part := list(islice(old, _AT_ONCE)):
                gone += int(client.unlink(*part))
    finally:
        line.close()
    return gone


def rewrite_files(server: RedisServer) -> None:
    """Have the server write its own files anew, so that they no longer hold what was deleted.

    Raises:
        StoreAway: the server does not answer.
    """
    from redis.exceptions import ResponseError

    line = RedisLine(server)
    try:
        with line.calling() as client:
            for command in (("BGSAVE", "SCHEDULE"), ("BGREWRITEAOF",)):
                try:
                    client.execute_command(*command)
                except ResponseError:
                    # Safe: it is at it already, or does not let us; then its own schedule does it, as docs/privacy.md says.
                    continue
    finally:
        line.close()


def _rows(rows: Rows) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    columns = [rows[name] for name in FEATURES]
    for place, customer in enumerate(rows["customer_id"]):
        values = {field: feast_value(column[place]) for field, column in zip(_FIELDS, columns, strict=True)}
        yield entity_key(str(customer)), {**values, _STAMP: feast_stamp(rows["event_timestamp"][place])}


def _demand_lasting(client: Any) -> None:  # noqa: ANN401 - the library's own type
    policy = str(client.info("memory").get("maxmemory_policy", ""))
    if policy.startswith(_EVICTING):
        raise HuitouError(
            f"The Redis throws rows away when it is full (maxmemory-policy {policy}): customers would be taken for unknown. "
            "Set maxmemory-policy noeviction, or give huitou a Redis of its own."
        )
