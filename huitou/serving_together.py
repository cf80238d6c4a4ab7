"""`huitou serve --workers N`: several processes on one port, forked from one that has loaded everything."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huitou.registry_watch import registry_beside
from huitou.worker_process import worker_beside

if TYPE_CHECKING:
    from serving.settings import ServingSettings


def serve_together(
    settings: ServingSettings, listener: socket.socket, *, beside: bool, options: dict[str, Any], tell: Callable[[], None]
) -> None:
    """Answer with `settings.workers` processes until SIGTERM or SIGINT.

    Args:
        settings: of each of them.
        listener: bound.
        beside: whether the worker of features runs beside the first of them.
        options: more for uvicorn.
        tell: called when everything is loaded, before anybody answers.

    Raises:
        HuitouError: as `serving.services.build_services`; nobody answers then.
    """
    import uvicorn

    from serving.app import create_app
    from serving.http_server import server_config
    from serving.services import Services, build_services
    from serving.worker_pool import WorkerPool
    from serving.workers_told import WorkersTold

    # No thread may run in what is forked: a lock that it holds would be held for ever. Traces begin with one, and stand before each model.
    traced = settings.traces_sample > 0
    loaded = build_services(settings.model_copy(update={"traces_sample": 0.0}))
    loaded.let_go()
    mine: list[Services] = []
    config = server_config(create_app(settings, mine.pop), settings, **options)
    config.load()  # all that it imports is then shared, too

    def work(place: int) -> None:
        told = WorkersTold(Path(folder), place)
        services = (build_services(settings) if traced else loaded).forked(told)
        mine.append(services)
        with contextlib.ExitStack() as stack:
            if told.leads:

                def tell_registry(problem: str | None) -> None:
                    services.registry_problem = problem
                    told.tell_registry(problem)

                if beside:
                    stack.enter_context(worker_beside(settings.data_dir, settings.now))
                stack.enter_context(registry_beside(settings.data_dir, settings.registry_seconds, tell_registry))
            uvicorn.Server(config).run(sockets=[listener])

    tell()
    with tempfile.TemporaryDirectory(prefix="huitou-workers-") as folder:
        WorkerPool(work, settings.workers).run()
