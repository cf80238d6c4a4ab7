"""Just enough of HTTP/1.1 to drive a server: requests made beforehand, answers cut from the stream."""

from __future__ import annotations

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class AnswerUnexpected(RuntimeError):
    """The server said something that a driver of fixed requests cannot take."""


def post(host: str, path: str, body: bytes) -> bytes:
    """The bytes of a POST with a JSON body on a connection that stays."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class AnswerReader:
    """Cuts one connection's stream into answers; one is awaited at a time."""

    __slots__ = ("_held", "_whole")

    def __init__(self) -> None:
        self._held = b""
        self._whole = 0  # bytes of the answer under way, head included; 0: not known yet

    def fed(self, data: bytes) -> int:
        """Status of the answer that these bytes complete; 0 while more must come.

        Raises:
            AnswerUnexpected: no length is said, or more came than was asked for.
        """
        self._held = self._held + data if self._held else data
        if not self._whole:
            end = self._held.find(_END)
            if end < 0:
                return 0
            head = self._held[:end].lower()
            at = head.find(_LENGTH)
            if at < 0:
                raise AnswerUnexpected(f"An answer without a length: {self._held[:200]!r}")
            stop = head.find(b"\r", at)
            self._whole = end + len(_END) + int(head[at + len(_LENGTH) : stop if stop > 0 else end])
        if len(self._held) < self._whole:
            return 0
        if len(self._held) > self._whole:
            raise AnswerUnexpected("More came than one answer, where one was asked for.")
        status = int(self._held[9:12])
        self._held, self._whole = b"", 0
        return status
