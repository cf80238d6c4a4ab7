"""A running API to ask, in a process of its own, as a marketing system would meet it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import HuitouError
from huitou.api_key import json_headers
from huitou.console import peak_mb_of
from huitou.options import feature_settings

_PATIENCE = 60.0  # seconds until the service must be ready; it starts in about two
_POLL = 0.1
# Everything that `huitou serve` imports, then the command itself with the port it is told; no port means that nobody wants it any more.
_WARM = """
import sys, uvicorn, serving.app, serving.services
from huitou.main import main
sys.argv += ["--port", sys.stdin.readline().strip() or sys.exit()]
main()
"""


@dataclass(frozen=True)
class Api:
    """Asks a running API.

    Attributes:
        address: where it listens.
        process_id: of the service.
    """

    address: str
    process_id: int

    def peak_mb(self) -> float:
        """Greatest resident memory of the service so far, MB; 0 where the system does not tell."""
        return peak_mb_of(self.process_id)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST JSON, get JSON.

        Raises:
            HuitouError: the API refused or did not answer.
        """
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data=data, headers=json_headers())  # noqa: S310 - loopback
        return self._answer(request)

    def get(self, path: str) -> dict[str, Any]:
        """GET JSON; errors as in `post`."""
        return self._answer(urllib.request.Request(f"{self.address}{path}", headers=json_headers()))  # noqa: S310 - loopback

    def _answer(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise HuitouError(f"The API refused {request.selector}: {error.read().decode(errors='replace')[:500]}") from error
        except (OSError, ValueError) as error:
            raise HuitouError(f"The API did not answer {request.selector} ({error}).") from error


@dataclass(frozen=True)
class WarmApi:
    """An interpreter that has imported the service and waits to be told to run it: importing takes longer than starting.

    Attributes:
        process: of the service to be.
    """

    process: subprocess.Popen[str]

    def start(self) -> Api:
        """Run `huitou serve` on a free port and wait until it is ready.

        Raises:
            HuitouError: it did not become ready; the message carries what it said.
        """
        port = _free_port()
        api = Api(f"http://127.0.0.1:{port}", self.process.pid)
        with contextlib.suppress(BrokenPipeError):  # safe: that it has stopped is told below, with what it said
            print(port, file=self.process.stdin, flush=True)
        _wait(api, self.process)
        return api


@contextlib.contextmanager
def warm_api(data_dir: Path) -> Iterator[WarmApi]:
    """Import the service in a process of its own while other work goes on; it ends with the block, or with this process."""
    command = [sys.executable, "-c", _WARM, "serve", "--data-dir", str(data_dir)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield WarmApi(process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@contextlib.contextmanager
def running_api(data_dir: Path) -> Iterator[Api]:
    """Run `huitou serve` on a free port, wait until it is ready, stop it at the end.

    Raises:
        HuitouError: it did not become ready; the message carries what it said.
    """
    with warm_api(data_dir) as warm:
        yield warm.start()


def _wait(api: Api, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.stderr.read().strip() if process.stderr else ""
            raise HuitouError(f"The API stopped before it was ready: {said[-500:]}")
        with contextlib.suppress(HuitouError):
            api.get("/healthz")
            return
        time.sleep(_POLL)
    raise HuitouError(f"The API was not ready after {_PATIENCE:.0f} seconds.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def at_risk_and_loyal_answers(data_dir: Path, warm: WarmApi) -> tuple[list[tuple[str, dict[str, Any]]], float]:
    """Start the API as its users would, and ask it for one at-risk and one loyal customer.

    Args:
        data_dir: where the models and features are.
        warm: the service to be, of the same folder.

    Returns:
        Title and answer of each, and the service's memory in MB.

    Raises:
        HuitouError: as `at_risk_and_loyal` and `WarmApi.start`.
    """
    from features.assumptions import FILE, load_assumptions

    at_risk, loyal = at_risk_and_loyal(data_dir)
    channels = load_assumptions(data_dir / FILE).consent.channels
    channel = "email" if "email" in channels else next(iter(channels), None)
    api = warm.start()
    answers = [
        (title, api.post("/v1/next-best-offers", {"customer_id": customer, "channel": channel, "limit": 3, "explain": True}))
        for title, customer in (("At risk", at_risk), ("Loyal", loyal))
    ]
    return answers, api.peak_mb()


def at_risk_and_loyal(data_dir: Path) -> tuple[str, str]:
    """Two telling customers: the best buyer among those more likely than not to leave within 28 days, and the best among the safest tenth.

    Of those on whom the policy acts: somebody in a holdout is sent nothing, whatever would be worth it.

    Raises:
        HuitouError: the store is empty or the return hazard was not trained.
    """
    import numpy as np

    from features.decisions.assignment import holdout_of
    from features.decisions.policy import FILE, load_policy
    from features.store import open_reader
    from features.versions import current_folder
    from training import local_models
    from training.artifacts.return_hazard import ReturnHazard

    champion = local_models.champion(data_dir, "return_hazard")
    if champion is None:
        raise HuitouError("The return hazard was not trained here; run `huitou train return_hazard`.")
    model = ReturnHazard.load(local_models.model_folder(data_dir, "return_hazard", champion.ref))
    settings = feature_settings(data_dir)
    reader = open_reader(current_folder(settings.online_dir, remedy="run `huitou build` first."), settings.online_server)
    known = [c for c in (reader.read(customer) for customer in reader.customer_ids()) if c is not None and c.has_ordered]
    reader.close()
    if not known:
        raise HuitouError("The online store holds no customer who ordered; run `huitou build` again.")
    holdouts = load_policy(data_dir / FILE).holdouts
    known = [c for c in known if holdout_of(c.customer_id, holdouts) is None] or known
    churn = model.churn_probability(np.stack([c.vector for c in known]), 28)
    spend = np.array([c.value("amount_decayed_112d") for c in known])
    leaving, safe = churn >= min(0.5, churn.max()), churn <= np.quantile(churn, 0.1)
    at_risk, loyal = (known[int(np.argmax(np.where(mask, spend, -1.0)))] for mask in (leaving, safe))
    return at_risk.customer_id, loyal.customer_id
