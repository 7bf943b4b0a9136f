"""The page itself, its files, and the description of the interface."""

import base64
import hashlib
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from app.errors import AppError
from app.resources import STATIC, TEMPLATES, VENDOR
from app.web.chain import ChainQuestion, operations

router = APIRouter(include_in_schema=False)

VERSION = version("descent")
IMPORT_MAP = (TEMPLATES / "importmap.json").read_text(encoding="utf-8")


def _script_hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def policy(*, scripts: str, styles: str = "'self'") -> str:
    """A Content-Security-Policy that allows this server's own files and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {scripts}",
            f"style-src {styles}",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


PAGE_POLICY = policy(scripts=_script_hash(IMPORT_MAP))
# The interface's description is shown by a third party's script, which sets styles of its own.
DOCS_POLICY = policy(scripts="", styles="'self' 'unsafe-inline'")

templates = Jinja2Templates(TEMPLATES)


@router.get("/")
async def page(request: Request) -> HTMLResponse:
    """The page, ready to play."""
    context = {
        "import_map": IMPORT_MAP,
        "version": VERSION,
        "modules": _modules(),
        "chain_operations": operations(),
        "chain": ChainQuestion(),
    }
    return templates.TemplateResponse(
        request, "index.html", context, headers={"cache-control": "no-cache"}
    )


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The interface, described; every file of it comes from this server."""
    return templates.TemplateResponse(
        request, "docs.html", headers={"content-security-policy": DOCS_POLICY}
    )


@router.get("/vendor/{name:path}")
async def vendor(name: str) -> FileResponse:
    """A third party's file, from its npm package."""
    path = VENDOR.get(name)
    if path is None or not path.is_file():
        raise AppError(
            "not_found",
            f"expected one of {', '.join(VENDOR)}, got {name!r}",
            "If the file should be there, run `make setup`.",
            status=404,
        )
    return FileResponse(path, headers={"cache-control": "max-age=86400"})


class PageFiles(StaticFiles):
    """The page's own files; a browser asks each time whether they have changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, or "not modified"."""
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def _modules() -> list[str]:
    """The addresses of the page's modules, so that a browser asks for all of them at once."""
    return [
        f"/static/{path.relative_to(STATIC).as_posix()}" for path in sorted(STATIC.rglob("*.js"))
    ]


def add_page(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.include_router(router)
    app.mount("/static", PageFiles(directory=STATIC), name="static")
