"""The application: puts all parts together; nothing happens at import."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from app.default_network import DefaultNetwork
from app.errors import AppError
from app.registry import Registry
from app.settings import Settings
from app.storage.index import RunIndex
from app.viewers.viewer import closing
from app.web import chain, classify, health, runs, socket
from app.web.context import Server
from app.web.errors import ErrorAnswer, add_error_handlers
from app.web.guard import Guard
from app.web.pages import PAGE_POLICY, VERSION, Page, add_page
from app.workers.pool import WorkerPool


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; its workers start and stop with its lifespan.

    The data directory must be prepared before (`app.storage.database.prepare`). Raises
    PageNotBuiltError.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        index = RunIndex(settings.data_dir)
        pool = WorkerPool(
            settings.workers,
            data_dir=settings.data_dir,
            history_bytes=settings.history_mb * 1_000_000,
            threads=settings.threads,
        )
        registry = Registry(settings, pool, index)
        network = DefaultNetwork(settings.data_dir, pool, index)
        app.state.server = Server(settings, pool, registry, network)
        await pool.start()
        tasks = [asyncio.create_task(registry.sweep()), asyncio.create_task(network.prepare())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await pool.drain()
            index.close()

    app = FastAPI(
        title="Descent",
        version=VERSION,
        description="Watch a neural network learn, one step at a time.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": ErrorAnswer, "description": "Any error, in one shape."}},
    )
    page = Page()
    app.add_middleware(Guard, content_security_policy=PAGE_POLICY)
    add_error_handlers(app)
    for part in (runs, classify, chain, socket, health):
        app.include_router(part.router)
    add_page(app, page)
    return app


def closing_event() -> dict[str, object]:
    """The event that viewers are sent when the server stops."""
    error = AppError(
        "server_stopping",
        "this server is being stopped",
        "The page tries to reach it again by itself.",
        status=503,
    )
    return closing(error)
