"""What is asked over the network or lies elsewhere: the service, its keys, MLflow, the backups."""

from __future__ import annotations

import http.client
import json

from huitou.api_key import VARIABLE as API_KEY
from huitou.api_key import json_headers
from huitou.deployment.check import Check, failed, ok, skipped, warning
from huitou.deployment.situation import Situation
from serving.access.access import LOOPBACK, Access
from serving.access.key_file import FILE as KEYS
from training.tracking_server import RegistryAway, check_presence, shown

_PATIENCE = 5.0  # seconds; the service answers this question in one millisecond
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listened on, not asked


def service(situation: Situation) -> Check:
    """Whoever listens on its port answers; what it says of itself, where a key lets us ask."""
    host, port = _EVERYWHERE.get(situation.serving.host, situation.serving.host), situation.serving.port
    address = f"{host}:{port}"
    if port == 0:
        return skipped("HUITOU_PORT is 0, so that its port is not known.")
    try:
        status, said = _asked(host, port, "/healthz")
        if status != http.client.OK or b'"ok"' not in said:
            return failed(f"What listens on {address} is not huitou, or not well (HTTP {status}).", "Set HUITOU_PORT, or restart it.")
        return _condition(address, *_asked(host, port, "/readyz"))
    except ConnectionRefusedError:
        return skipped(f"Nothing listens on {address}.")
    except (OSError, http.client.HTTPException) as error:
        remedy = "Look into its log; restart it."
        return failed(f"What listens on {address} does not answer ({type(error).__name__}: {error}).", remedy)


def _condition(address: str, status: int, said: bytes) -> Check:
    """What the service says of itself."""
    if status != http.client.OK:
        return ok(f"It answers on {address}; with a key of the scope admin in {API_KEY} its problems would be told, too.")
    problems = json.loads(said)["problems"]
    if problems:
        part, sentence = next(iter(problems.items()))
        return warning(f"It answers on {address} and names {', '.join(problems)}; {part}: {sentence}", "All of them: `GET /readyz`.")
    return ok(f"It answers on {address}.")


def _asked(host: str, port: int, path: str) -> tuple[int, bytes]:
    line = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        line.request("GET", path, headers=json_headers())
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def keys(situation: Situation) -> Check:
    """A service that others can reach has keys."""
    access = Access(situation.data_dir / KEYS, situation.serving.accepted_keys)
    access.demand_lock(situation.serving.host)
    if access.locked:
        return ok("Every route needs a key.")
    return ok(f"None, and none needed: it listens on this machine only ({', '.join(LOOPBACK)}).")


def mlflow(situation: Situation) -> Check:
    """It is there; answers do without it, training does not record."""
    settings = situation.training
    try:
        check_presence(settings.tracking_uri, patience=settings.tracking_patience_seconds, create=False)
    except RegistryAway as error:
        return warning(str(error), "Answers go on with the models on this disk; the next `huitou train` needs it.")
    return ok(f"{shown(settings.tracking_uri)} is there.")


def backup(situation: Situation) -> Check:
    """The newest one is young enough, where it was said where they are."""
    folder, hours = situation.doctor.backup_dir, situation.doctor.backup_hours
    if folder is None:
        return skipped("HUITOU_BACKUP_DIR does not say where backups are.")
    if not folder.is_dir():
        return failed(f"There is no folder {folder}.", "Set HUITOU_BACKUP_DIR, or mount it.")
    made = [path.stat().st_mtime for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 0]
    if not made:
        return failed(f"{folder} holds no backup.", "Take one: docs/operations.md says how.")
    age = (situation.wall().timestamp() - max(made)) / 3600
    says = f"The newest file in {folder} is {age:,.1f} hours old; {hours:g} are allowed."
    return failed(says, "See why no backup was taken.") if age > hours else ok(says)
