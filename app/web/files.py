"""The page's files as they are sent: read once, compressed once, cached by browsers for good."""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from functools import cached_property

from fastapi import Request, Response

from app.errors import AppError, shorten
from app.resources import BUILT, ROOT, STATIC, VENDOR

# A file's address changes with its content, so a browser never has to ask for it again.
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
# Compressing a smaller file gains nothing.
WORTH_COMPRESSING = 512

# The script that imports all others; and the page's icon, which is not part of the bundle.
ENTRY, ICON = "static/main.js", "static/icon.svg"
# What a script imports statically; this does not match what it loads later by import("…").
_IMPORTED = re.compile(r"""(?:from|import)\s*["']\./([^"']+)["']""")

TYPES = {".js": "text/javascript", ".map": "application/json", ".svg": "image/svg+xml"}


class PageNotBuiltError(Exception):
    """The page's scripts and styles have not been joined yet."""


class SentFile:
    """One file: its bytes, compressed if that pays, and a tag that names its content."""

    def __init__(self, name: str, content: bytes) -> None:
        suffix = name[name.rfind(".") :]
        self.media_type = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"
        self.content = content
        self.tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> bytes:
        """The same, by gzip."""
        return gzip.compress(self.content, 9, mtime=0)

    def response(self, request: Request, caching: str) -> Response:
        """The answer to a request for it: "not modified" if the browser has it already."""
        headers = {"cache-control": caching, "etag": self.tag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        content = self.content
        takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
        if takes_gzip and len(content) >= WORTH_COMPRESSING:
            content = self.compressed
            headers["content-encoding"] = "gzip"
        return Response(content, media_type=self.media_type, headers=headers)


class PageFiles:
    """All files of the page by name, `static/main.js` or `vendor/swagger-ui/swagger-ui.css`.

    `version` names all of their contents at once.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._files = {name: SentFile(name, content) for name, content in contents.items()}
        tags = "".join(f"{name}{file.tag}" for name, file in sorted(self._files.items()))
        self.version = hashlib.sha256(tags.encode()).hexdigest()[:12]

    @property
    def scripts(self) -> list[str]:
        """The names of the scripts that the page begins with, except the one that imports them."""
        found: set[str] = set()
        new = {ENTRY}
        while new:
            content = self._files[new.pop()].content.decode()
            imported = {f"static/{name}" for name in _IMPORTED.findall(content)}
            new |= imported - found
            found |= imported
        return sorted(found)

    def response(self, request: Request, name: str, version: str | None = None) -> Response:
        """The answer to a request for a file, under its lasting address if `version` is given."""
        file = self._files.get(name)
        if file is None:
            raise AppError(
                "not_found",
                f"expected the name of a file of the page, got {shorten(name)}",
                "If the file should be there, run `make setup`, and start the server again.",
                status=404,
            )
        # A page of an earlier version still finds most of its files. If one has changed since, it
        # is no longer there, and the page says that it should be loaded again.
        return file.response(request, FOR_GOOD if version == self.version else ASK_AGAIN)


def page_files() -> PageFiles:
    """The files as they are now. Raises PageNotBuiltError."""
    contents = {f"static/{path.name}": path.read_bytes() for path in BUILT.glob("[!.]*")}
    if ENTRY not in contents:
        raise PageNotBuiltError(f"expected the page's scripts in {BUILT}; run `make setup` first")
    contents[ICON] = (ROOT / ICON).read_bytes()
    contents |= {
        f"vendor/{name}": path.read_bytes() for name, path in VENDOR.items() if path.is_file()
    }
    return PageFiles(contents)


def are_old() -> bool:
    """Whether a source of the page is newer than the files built from it."""
    changed = max((path.stat().st_mtime for path in STATIC.rglob("*.*s")), default=0.0)
    return changed > (BUILT / "main.js").stat().st_mtime
