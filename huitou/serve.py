"""`huitou serve`: the HTTP API."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import Annotated, Any

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.logs import LogSettings, set_up_logs
from huitou.options import DataDir, Now, serving_settings
from huitou.registry_watch import registry_beside
from huitou.serving_together import serve_together
from huitou.worker_process import can_work, worker_beside


def serve(
    data_dir: DataDir = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; beyond this machine only with keys (`huitou keys create`). [default: HUITOU_HOST or 127.0.0.1]"
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [default: HUITOU_PORT or 8000]")] = None,
    now: Now = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that answer, as many as there are cores for it. [default: HUITOU_WORKERS or 1]"),
    ] = None,
    worker: Annotated[
        bool, typer.Option(help="Keep features fresh beside the service (`huitou work`), where the libraries are installed.")
    ] = True,
) -> None:
    """Serve next-best offers, recommendations and scores over HTTP.

    Needs `huitou build`; a model that was not trained makes its part of the answers degraded, with the reason. The API's own page is at
    /docs. A worker beside it follows the events that come in, so that a customer's order changes their answers within seconds; it needs
    the libraries of the extra `train`, ends with the service and is started again when it dies. With `--workers` several processes answer
    on the same port; what they have loaded is in memory once.
    """
    logs = LogSettings()
    set_up_logs(logs)
    settings = serving_settings(data_dir, now, host=host, port=port, workers=workers)
    if settings.workers > 1:
        # Before LightGBM is imported: GNU OpenMP's threads do not come into a fork, which would wait for them.
        os.environ.setdefault("OMP_NUM_THREADS", "1")

    import uvicorn

    from training.artifacts.lightgbm_alone import import_alone

    import_alone()  # before whatever else imports it

    from serving.access.access import Access
    from serving.access.key_file import FILE as KEY_FILE
    from serving.app import create_app
    from serving.http_server import server_config
    from serving.services import build_services

    Access(settings.data_dir / KEY_FILE, settings.accepted_keys).demand_lock(settings.host)  # before it can be reached
    with _bind(settings.host, settings.port) as listener:
        address = f"http://{settings.host}:{listener.getsockname()[1]}"

        def tell_address() -> None:
            output().print(f"Serving {settings.data_dir} at {address} (pages: {address}/docs). Stop with Ctrl+C.")

        if settings.workers > 1:
            serve_together(settings, listener, beside=worker and can_work(), options=_of_uvicorn(logs), tell=tell_address)
            return
        # Opened here, not at start-up: uvicorn would answer a missing build with a traceback and an exit code of its own.
        services = build_services(settings)
        app = create_app(settings, services)
        tell_address()
        server = uvicorn.Server(server_config(app, settings, **_of_uvicorn(logs)))
        beside = worker_beside(settings.data_dir, settings.now) if worker and can_work() else contextlib.nullcontext()

        def tell(problem: str | None) -> None:
            services.registry_problem = problem

        with beside, registry_beside(settings.data_dir, settings.registry_seconds, tell):
            server.run(sockets=[listener])
    if not server.started:
        raise HuitouError("The service could not start; the reason is above.")


def _of_uvicorn(logs: LogSettings) -> dict[str, Any]:
    """Its own form of a log suits a person; a machine's lines all have one form."""
    return {"log_config": None} if logs.log_format == "json" else {}


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise HuitouError(f"Port {port} on {host} is in use; choose another with --port, or --port 0 for a free one.") from error
        raise HuitouError(f"Cannot listen on {host}:{port} ({error.strerror}).") from error
    return listener
