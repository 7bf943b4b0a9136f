"""Is the server alive, can it take runs, how is it doing?"""

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.errors import AppError
from app.web.context import Server, ServerDep

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The web process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(server: ServerDep) -> dict[str, Any]:
    """Runs can be made: at least one worker answers."""
    workers = await server.pool.health()
    if not any(worker["alive"] for worker in workers):
        raise AppError(
            "not_ready",
            "expected at least one worker to answer, none did",
            "They are being restarted; ask again in a second.",
            status=503,
        )
    return {"status": "ready", "workers": workers}


class ServerMetrics(Collector):
    """Counts that are read when they are asked for, so none have to be kept up to date."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges."""
        server = self._server
        gauges = {
            "descent_runs": ("Runs open at present.", len(server.registry)),
            "descent_viewers": ("Viewers connected at present.", server.registry.viewers),
            "descent_workers_alive": ("Worker processes alive.", len(server.pool.pids)),
            "descent_worker_restarts": ("Workers lost and restarted.", server.pool.restarts),
            "descent_default_network_ready": (
                "Whether the default network is trained.",
                int(server.default_network.ready),
            ),
        }
        return [GaugeMetricFamily(name, text, value) for name, (text, value) in gauges.items()]


@router.get("/metrics", response_class=Response)
async def metrics(server: ServerDep) -> Response:
    """The server's counts, in Prometheus's text format."""
    collectors = CollectorRegistry()
    collectors.register(ServerMetrics(server))
    return Response(generate_latest(collectors), media_type=CONTENT_TYPE_LATEST)
