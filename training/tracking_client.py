"""The way to speak to MLflow: its client, quiet and bounded, and its errors turned into ours. Importing this module imports no MLflow."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from features.errors import StateMissing
from training.settings import TrainingSettings
from training.tracking_server import RegistryAway, check_presence, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient

_REQUEST_SECONDS = 30  # a server may take this long to store a large artifact; MLflow's own default is 120
_REQUEST_RETRIES = 1  # MLflow's default of 7 with growing pauses holds a caller for minutes


@contextlib.contextmanager
def conversation(settings: TrainingSettings, *, create: bool) -> Iterator[MlflowClient]:
    """Open a client for a block of calls.

    MLflow keeps the opened database itself, so that only the first conversation of a process pays for opening it. The process's global
    tracking URI is not touched.

    Args:
        settings: where MLflow is and how long it may take to show itself.
        create: whether a missing SQLite database is made (writing) or is an absence (reading).

    Raises:
        RegistryAway: MLflow is not installed, cannot be reached, or refused; one sentence.
        StateMissing: MLflow does not know what was asked for.
    """
    uri = settings.tracking_uri
    check_presence(uri, patience=settings.tracking_patience_seconds, create=create)
    try:
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise RegistryAway("MLflow is not installed here; run `pip install 'huitou[train]'` to use its registry.") from error
    try:
        yield _client(uri)
    except MlflowException as error:
        text = str(error).partition("\n")[0]
        if is_missing(error):
            raise StateMissing(f"MLflow at {shown(uri)}: {text}") from error
        raise RegistryAway(f"MLflow at {shown(uri)} refused: {text}") from error
    except OSError as error:
        raise RegistryAway(f"MLflow at {shown(uri)} or its artifacts cannot be read or written: {error}") from error


def is_missing(error: Exception) -> bool:
    """Whether an MLflow error says that a model, version or alias does not exist (an unknown alias is an "invalid parameter" to it)."""
    code = getattr(error, "error_code", "")
    return code == "RESOURCE_DOES_NOT_EXIST" or (code == "INVALID_PARAMETER_VALUE" and "not found" in str(error))


def _client(uri: str) -> MlflowClient:
    import mlflow
    from mlflow import environment_variables, telemetry

    variables: Any = environment_variables  # untyped in MLflow, like the telemetry module
    tracking_telemetry: Any = telemetry
    if not variables.MLFLOW_DISABLE_TELEMETRY.get():
        variables.MLFLOW_DISABLE_TELEMETRY.set("true")
        # The import above has made a telemetry client unless the environment forbade it; put away before its first record it sends nothing.
        tracking_telemetry.set_telemetry_client()
    for variable, value in (
        (variables.MLFLOW_HTTP_REQUEST_TIMEOUT, _REQUEST_SECONDS),
        (variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES, _REQUEST_RETRIES),
        (variables.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, "false"),
        (variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, "true"),
    ):
        if not variable.is_set():  # what the operator has set in the environment stands
            variable.set(value)
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # its notes about tables and migrations say nothing to our user
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
