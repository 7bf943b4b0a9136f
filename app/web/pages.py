"""The page itself, its files, and the description of the interface."""

import base64
import hashlib
import json
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.templating import Jinja2Templates

from app.resources import TEMPLATES
from app.web.chain import ChainQuestion, operations
from app.web.files import ASK_AGAIN, SentFile, page_files

router = APIRouter(include_in_schema=False)

VERSION = version("descent")
# The page's style sheets, in the order in which they hold.
SHEETS = (
    *("tokens", "base", "layout", "masthead", "transport", "progress"),
    *("loop", "inside", "inside-phases", "answers", "factors", "code"),
    *("weights", "loss", "history", "along", "draw", "learn", "health"),
    *("mistakes", "chain", "unit", "explain", "dialog", "share"),
)
FILES = page_files(SHEETS)
# Where the page's files are: the address changes with their content.
FILES_AT = f"/files/{FILES.version}"
IMPORT_MAP = json.dumps(
    {
        "imports": {
            "descent/": f"{FILES_AT}/static/",
            "@preact/signals-core": f"{FILES_AT}/vendor/signals-core/signals-core.mjs",
            "uplot": f"{FILES_AT}/vendor/uplot/uPlot.esm.js",
        }
    }
)


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
async def page(request: Request) -> Response:
    """The page, ready to play; the same for everybody, so it is made once."""
    return PAGE.response(request, ASK_AGAIN)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The interface, described; every file of it comes from this server."""
    return templates.TemplateResponse(
        request, "docs.html", headers={"content-security-policy": DOCS_POLICY}
    )


@router.get("/files/{version}/{name:path}")
async def lasting_file(request: Request, version: str, name: str) -> Response:
    """A file of the page under the address of its version."""
    return FILES.response(request, name, version)


@router.get("/static/{name:path}")
async def page_file(request: Request, name: str) -> Response:
    """A file of the page under its plain address."""
    return FILES.response(request, f"static/{name}")


@router.get("/vendor/{name:path}")
async def vendor_file(request: Request, name: str) -> Response:
    """A third party's file, from its npm package."""
    return FILES.response(request, f"vendor/{name}")


def _page() -> SentFile:
    html = templates.get_template("index.html").render(
        import_map=IMPORT_MAP,
        files=FILES_AT,
        version=VERSION,
        modules=FILES.modules,
        chain_operations=operations(),
        chain=ChainQuestion(),
    )
    return SentFile("index.html", html.encode())


PAGE = _page()


def add_page(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.include_router(router)
