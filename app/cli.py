"""The command line: `descent serve`."""

import asyncio
import errno
import logging
import os
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from app.errors import complaint
from app.main import closing_event, create_app
from app.settings import Settings
from app.storage.database import StorageVersionError, prepare
from app.storage.lock import DataDirInUseError, lock
from app.web.files import PageNotBuiltError, are_old
from app.web.protocol import AbortableWebSocketProtocol
from engine import DatasetError, load_mnist_bytes

MAX_MESSAGE = 64 * 1024
SHUTDOWN_S = 3
ANSWERED_BY_S = 2.5  # of SHUTDOWN_S
GOODBYE_S = 1.0

log = structlog.get_logger()
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Descent: watch a neural network learn, one step at a time.",
)


@app.callback()
def descent() -> None:
    """Keep `serve` a named command even while it is the only one."""


def _help(setting: str) -> str:
    return Settings.model_fields[setting].description or ""


def _variables() -> str:
    """Help on the settings that have no option, a paragraph with the default for each."""
    shown = ["Settings that are variables alone:"]
    for name, field in Settings.model_fields.items():
        if name not in ("host", "port", "data_dir", "workers"):
            default = f" ({field.default:g})" if field.default_factory is None else ""
            shown.append(f"APP_{name.upper()}{default}: {field.description}")
    return "\n\n".join(shown)


@app.command(epilog=_variables())
def serve(
    host: Annotated[str | None, typer.Option(help=_help("host"))] = None,
    port: Annotated[int | None, typer.Option(help=_help("port"))] = None,
    data_dir: Annotated[Path | None, typer.Option(help=_help("data_dir"))] = None,
    workers: Annotated[int | None, typer.Option(help=_help("workers"))] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Serve the page. What is not given here comes from APP_* variables, or has its default."""
    given = {"host": host, "port": port, "data_dir": data_dir, "workers": workers}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        load_mnist_bytes()
    except ValidationError as error:
        first = error.errors()[0]
        raise _refusal(f"{'.'.join(map(str, first['loc']))}: {complaint(first)}") from None
    except DatasetError as error:
        raise _refusal(str(error)) from None
    _configure_logs()
    listener = _listen(settings)
    try:  # refusals are printed, without a traceback
        alone = lock(settings.data_dir)
        prepare(settings.data_dir)
    except (DataDirInUseError, StorageVersionError) as error:
        raise _refusal(str(error)) from None
    except OSError as error:
        raise _refusal(
            f"cannot keep anything in {settings.data_dir}: {error}. Choose another folder: "
            "descent serve --data-dir FOLDER"
        ) from None
    try:
        application = create_app(settings)
    except PageNotBuiltError as error:
        raise _refusal(str(error)) from None
    address = _address(settings.host, listener.getsockname()[1])
    typer.echo(f"Descent is at {address}  (Ctrl-C stops it)")
    if are_old():
        log.warning("the page is older than its sources: run `make setup`")
    if open_browser and _has_screen():
        threading.Timer(1.0, webbrowser.open, [address]).start()
    with alone:
        _Server(application).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn, which tells the viewers before it closes their sockets."""

    def __init__(self, application: FastAPI) -> None:
        self._application = application
        super().__init__(
            uvicorn.Config(
                application,
                log_level="warning",
                ws=AbortableWebSocketProtocol,
                ws_max_size=MAX_MESSAGE,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
                server_header=False,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye, then stop as uvicorn does."""
        server = getattr(self._application.state, "server", None)
        if server is not None:
            await server.registry.dismiss(closing_event(), GOODBYE_S)
            # Soon after that, uvicorn breaks off requests that still have no answer.
            asyncio.get_running_loop().call_later(ANSWERED_BY_S, server.pool.give_up)
        await super().shutdown(sockets)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, UnicodeError) as error:  # UnicodeError: no name of a host
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise _refusal(
                f"port {settings.port} of {settings.host} is in use by another program "
                f"(perhaps another Descent). Choose another: "
                f"descent serve --port {(settings.port + 1) % 65536}"
            ) from None
        raise _refusal(f"cannot listen on {settings.host}:{settings.port}: {error}") from None
    listener.listen(2048)
    return listener


def _address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _has_screen() -> bool:
    return os.uname().sysname == "Darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _configure_logs() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


def _refusal(message: str) -> typer.Exit:
    typer.echo(f"descent: {message}", err=True)
    return typer.Exit(1)


def main() -> None:
    """Entry point of the `descent` command."""
    app()
