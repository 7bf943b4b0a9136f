"""What every request passes: checks of its size and origin, and the headers of its answer."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError
from app.web.errors import error_response

MAX_BODY = 5 * 1024 * 1024
# Enough for the largest network, in float64.
MAX_FILE = 40 * 1024 * 1024
FILE_TYPE = "application/octet-stream"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent this."""
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        sender = urlsplit(origin).netloc
    except ValueError:
        return True
    return sender.lower() != headers.get("host", "").lower()


def media_type(headers: Headers) -> str:
    """The media type of a body, in lower case and without parameters; "" if none is given."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class TooLargeError(AppError):
    """A body above the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "too_large",
            f"expected a body of at most {limit} bytes, got more",
            "Send a smaller file or picture, or fewer values.",
            status=413,
        )


class Guard:
    """ASGI middleware: refuses foreign and oversized requests, adds the security headers."""

    def __init__(self, app: ASGIApp, *, content_security_policy: str) -> None:
        self._app = app
        self._headers = {
            "content-security-policy": content_security_policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await error_response(refusal)(scope, receive, send_with_headers)
            return
        if scope["method"] == "HEAD":  # as GET; the server leaves out the body
            scope = {**scope, "method": "GET"}
        await self._app(scope, _limited(receive, _limit(scope)), send_with_headers)

    def _refusal(self, scope: Scope) -> AppError | None:
        headers = Headers(scope=scope)
        if scope["method"] not in SAFE_METHODS and is_foreign(headers):
            return foreign_origin()
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > _limit(scope):
            return TooLargeError(_limit(scope))
        return None


def _limit(scope: Scope) -> int:
    """The most bytes that the body of a request may have."""
    is_file = media_type(Headers(scope=scope)) == FILE_TYPE
    return MAX_FILE if is_file and scope["path"] == "/api/runs" else MAX_BODY


def _limited(receive: Receive, limit: int) -> Receive:
    """Count the bytes that arrive: a body sent in chunks states no length."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLargeError(limit)
        return message

    return limited


def foreign_origin() -> AppError:
    """The refusal of a request from another site's page."""
    return AppError(
        "foreign_origin",
        "expected a request from this server's own page, got one from another site",
        "Open the page at the address the server printed.",
        status=403,
    )
