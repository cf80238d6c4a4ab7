"""Which versions MLflow calls champion, asked without its libraries: so cheaply that a service may ask every minute.

A tracking server is asked over HTTP, a database that MLflow keeps (SQLite, PostgreSQL) by one query on its two tables of versions and
aliases.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from urllib.parse import urlencode, urlsplit

from training import local_models
from training.artifacts.folder import ArtifactBroken
from training.local_models import VersionRef
from training.settings import TrainingSettings
from training.tracking_server import RegistryAway, check_presence, shown

_ALIAS = "champion"
_BY_ALIAS = "api/2.0/mlflow/registered-models/alias"
_UNKNOWN = {400, 404}  # no such model, or no such alias of it
_QUERY = (
    "SELECT a.name, v.version, v.run_id FROM registered_model_aliases a "
    "JOIN model_versions v ON v.name = a.name AND v.version = a.version WHERE a.alias = :alias"
)


def champions(settings: TrainingSettings, names: Iterable[str]) -> dict[str, VersionRef]:
    """Model name → the version behind its alias; a model without one is left out.

    Raises:
        RegistryAway: MLflow does not answer within its patience, or not as expected; one sentence.
    """
    uri, patience = settings.tracking_uri, settings.tracking_patience_seconds
    check_presence(uri, patience=patience, create=False)
    found = _over_http(uri, names, patience) if urlsplit(uri).scheme in {"http", "https"} else _from_database(uri, patience)
    asked = set(names)
    return {name: ref for name, ref in found if name in asked}


def new_champions(settings: TrainingSettings, names: Iterable[str]) -> list[str]:
    """Models of which MLflow names another version than the one that is champion here, and not the one that was withdrawn here.

    Raises:
        RegistryAway: as `champions`.
    """
    found = []
    for name, ref in champions(settings, names).items():
        try:
            here = local_models.champion(settings.data_dir, name)
        except ArtifactBroken:
            here = None  # safe: fetching heals the pointer
        if here is None or ref not in {here.ref, here.withdrawn}:
            found.append(name)
    return found


def _over_http(uri: str, names: Iterable[str], patience: float) -> Iterator[tuple[str, VersionRef]]:
    parts = urlsplit(uri)
    headers = {}
    if parts.username is not None:
        headers["authorization"] = "Basic " + base64.b64encode(f"{parts.username}:{parts.password or ''}".encode()).decode()
    for name in names:
        address = f"{shown(uri).rstrip('/')}/{_BY_ALIAS}?{urlencode({'name': name, 'alias': _ALIAS})}"
        try:
            # The scheme was compared by the caller.
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=patience) as answer:  # noqa: S310
                told = json.load(answer)["model_version"]
                yield name, VersionRef(version=str(told["version"]), run_id=str(told["run_id"]))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in _UNKNOWN:
                raise RegistryAway(f"MLflow at {shown(uri)} refused to name its champions (HTTP {error.code}).") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RegistryAway(f"MLflow at {shown(uri)} did not name its champions ({type(error).__name__}: {error}).") from error


def _from_database(uri: str, patience: float) -> list[tuple[str, VersionRef]]:
    import sqlalchemy

    bound = {"connect_timeout": max(1, round(patience))} if uri.startswith(("postgresql", "mysql")) else {"timeout": patience}
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool, connect_args=bound)
    try:
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text(_QUERY), {"alias": _ALIAS}).all()
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise RegistryAway(f"MLflow's database {shown(uri)} did not name its champions ({str(error).splitlines()[0]}).") from error
    finally:
        engine.dispose()
    return [(str(name), VersionRef(version=str(version), run_id=str(run_id))) for name, version, run_id in rows]
