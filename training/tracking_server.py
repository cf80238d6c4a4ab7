"""Whether MLflow can be spoken to, found out within seconds.

MLflow itself is patient: an SQL backend that cannot be opened is tried ten times over about 100 seconds
(`mlflow.store.db.utils.MAX_RETRY_COUNT`), an HTTP server seven times with 120 seconds each. Nobody waits that long for an answer that the
local models can give, so every conversation starts here.
"""

from __future__ import annotations

import sqlite3
import ssl
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

from features.errors import HuitouError
from training.settings import SQLITE_SCHEME

_GATEWAY_ERRORS = {502, 503, 504}  # a proxy answers, the server behind it does not


class RegistryAway(HuitouError):
    """MLflow cannot be reached, or answered with an error; the models in the local cache go on serving."""


def shown(uri: str) -> str:
    """The address without user and password, for messages and logs."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def check_presence(uri: str, *, patience: float, create: bool) -> None:
    """Return if MLflow's backend is there.

    Args:
        uri: MLflow tracking URI.
        patience: seconds before silence counts as absence.
        create: a missing SQLite file is no absence, since MLflow will make it (writing); False when only reading.

    Raises:
        RegistryAway: one sentence that names the address and what to do.
    """
    scheme = urlsplit(uri).scheme
    if scheme in {"http", "https"}:
        _check_http(uri, patience)
    elif uri.startswith(SQLITE_SCHEME):
        _check_sqlite(uri, patience, create=create)
    elif scheme:
        _check_sql(uri, patience)
    else:
        raise RegistryAway(f"{uri!r} is no MLflow address; set HUITOU_TRACKING_URI to sqlite:///…, postgresql://… or http(s)://….")


def _check_http(uri: str, patience: float) -> None:
    try:
        # The scheme was compared above; urllib rather than a bare socket because it goes through the proxies the user has set.
        urllib.request.urlopen(f"{shown(uri).rstrip('/')}/health", timeout=patience).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _GATEWAY_ERRORS:  # any other status, 401 for example, was spoken by a living server
            raise RegistryAway(f"MLflow at {shown(uri)} is not answering (HTTP {error.code}); start it or look at its proxy.") from error
    except (OSError, ValueError) as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            return  # somebody is there; whether to trust the certificate is MLflow's own setting
        raise RegistryAway(f"MLflow at {shown(uri)} cannot be reached ({error}); start it or correct HUITOU_TRACKING_URI.") from error


def _check_sqlite(uri: str, patience: float, *, create: bool) -> None:
    path = Path(uri.removeprefix(SQLITE_SCHEME).partition("?")[0])
    try:
        if not path.is_file():
            if not create:
                raise RegistryAway(f"There is no tracking database at {path}; run `huitou train` to make one.")
            path.parent.mkdir(parents=True, exist_ok=True)
            return
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=patience)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise RegistryAway(
            f"The tracking database {path} cannot be opened ({error}); restore it, or move it away to begin anew."
        ) from error


def _check_sql(uri: str, patience: float) -> None:
    try:
        import sqlalchemy
    except ImportError as error:
        raise RegistryAway("MLflow is not installed here; run `pip install 'huitou[train]'` to use its registry.") from error
    bound = {"connect_timeout": max(1, round(patience))} if uri.startswith(("postgresql", "mysql")) else {}
    try:
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool, connect_args=bound)
        engine.connect().close()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise RegistryAway(
            f"MLflow's database {shown(uri)} cannot be opened ({reason}); start it or correct HUITOU_TRACKING_URI."
        ) from error
