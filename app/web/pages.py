"""The page itself, its files, and the description of the interface."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.templating import Jinja2Templates

from app.resources import TEMPLATES
from app.web.chain import ChainQuestion, operations
from app.web.files import ASK_AGAIN, SentFile, page_files

router = APIRouter(include_in_schema=False)

VERSION = version("descent")

templates = Jinja2Templates(TEMPLATES)


def policy(*, styles: str = "'self'") -> str:
    """A Content-Security-Policy that allows this server's own files and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
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


PAGE_POLICY = policy()
# A third party's script shows the description of the interface, and sets styles of its own.
DOCS_POLICY = policy(styles="'self' 'unsafe-inline'")


class Page:
    """The page and its files, read once. Raises PageNotBuiltError."""

    def __init__(self) -> None:
        self.files = page_files()
        html = templates.get_template("index.html").render(
            files=f"/files/{self.files.version}",  # changes with their content
            version=VERSION,
            scripts=self.files.scripts,
            chain_operations=operations(),
            chain=ChainQuestion(),
        )
        # It is the same for everybody.
        self.index = SentFile("index.html", html.encode())


def _page(request: Request) -> Page:
    page: Page = request.app.state.page
    return page


PageDep = Annotated[Page, Depends(_page)]


@router.get("/")
async def index(request: Request, page: PageDep) -> Response:
    """The page, ready to play."""
    return page.index.response(request, ASK_AGAIN)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The interface, described; every file of it comes from this server."""
    return templates.TemplateResponse(
        request, "docs.html", headers={"content-security-policy": DOCS_POLICY}
    )


@router.get("/files/{version}/{name:path}")
async def lasting_file(request: Request, page: PageDep, version: str, name: str) -> Response:
    """A file of the page under the address of its version."""
    return page.files.response(request, name, version)


@router.get("/static/{name:path}")
async def page_file(request: Request, page: PageDep, name: str) -> Response:
    """A file of the page under its plain address."""
    return page.files.response(request, f"static/{name}")


@router.get("/vendor/{name:path}")
async def vendor_file(request: Request, page: PageDep, name: str) -> Response:
    """A third party's file, from its npm package."""
    return page.files.response(request, f"vendor/{name}")


def add_page(app: FastAPI, page: Page) -> None:
    """Serve the page and its files."""
    app.state.page = page
    app.include_router(router)
