"""The load driver: whole answers cut from a stream, latencies from the right moment, everything asked in turn."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving.driver import Driver, Load
from benchmarks.serving.http_answers import AnswerReader, AnswerUnexpected

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
SLOW = 0.01  # seconds; only one connection is served at a time


def test_an_answer_in_pieces_is_one_answer() -> None:
    reader = AnswerReader()
    statuses = [reader.fed(ANSWER[i : i + 1]) for i in range(len(ANSWER))]
    assert statuses == [0] * (len(ANSWER) - 1) + [200]
    assert reader.fed(ANSWER.replace(b"200 OK", b"503 No")) == 503


def test_an_answer_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(AnswerUnexpected):
        AnswerReader().fed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(AnswerUnexpected):
        AnswerReader().fed(ANSWER + b"HTTP")


class Slow(socketserver.StreamRequestHandler):
    """Answers after a while, one connection after the other."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while line.strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                line = self.rfile.readline()
            asked = json.loads(self.rfile.read(length))
            if asked["n"] == 1 and not self.server.closed:  # type: ignore[attr-defined]
                self.server.closed = True  # type: ignore[attr-defined]
                return  # closed while it was asked, once
            with self.server.turn:  # type: ignore[attr-defined]
                self.server.asked.append(asked["n"])  # type: ignore[attr-defined]
                end = time.perf_counter() + SLOW
                while time.perf_counter() < end:
                    threading.Event().wait(0.001)
            self.wfile.write(ANSWER if asked["n"] != 2 else ANSWER.replace(b"200 OK", b"500 No"))


@pytest.fixture
def slow() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        server.turn, server.asked, server.closed = threading.Lock(), [], False  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def load(server: socketserver.ThreadingTCPServer, folder: Path, **more: float) -> Load:
    bodies = folder / "bodies.jsonl"
    bodies.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(3)))
    port = server.server_address[1]
    told = {"connections": 1, "warm_up": 0.0, "seconds": 0.3, **more}
    return Load(host="127.0.0.1", ports=[port], path="/x", bodies=str(bodies), **told)  # type: ignore[arg-type]


def test_a_closed_loop_asks_in_turn_and_counts_errors(slow: socketserver.ThreadingTCPServer, tmp_path: Path) -> None:
    done = Driver(load(slow, tmp_path)).run()
    asked: list[int] = slow.asked  # type: ignore[attr-defined]
    assert asked[:6] == [0, 1, 2, 0, 1, 2]
    assert len(asked) - done.requests in {1, 2}  # at most one before, one under way when the time was over
    assert abs(done.failed - done.requests / 3) <= 1
    assert done.reconnected == 1
    assert done.latency_ms["p50"] >= SLOW * 1000


def test_an_open_loop_counts_from_when_a_request_should_have_begun(slow: socketserver.ThreadingTCPServer, tmp_path: Path) -> None:
    # Twice or more what can be answered: the last requests should have begun long before they could be sent.
    done = Driver(load(slow, tmp_path, rate=2 / SLOW)).run()
    assert done.latency_ms["p100"] > 0.3 * 0.4 * 1000
    assert done.latency_ms["p100"] > 4 * SLOW * 1000
