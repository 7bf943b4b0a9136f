"""The one error shape of the server, apart from any web framework."""

from collections.abc import Mapping
from typing import Any

from engine import EngineError


class AppError(Exception):
    """An error meant for the caller: `{"error": {"code", "message", "hint"}}`.

    `code` is a stable name for programs, `message` says what was expected and what arrived,
    `hint` what to do; `status` is the HTTP status that fits.
    """

    def __init__(self, code: str, message: str, hint: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status

    def body(self) -> dict[str, str]:
        """The value of the response's `error` member."""
        return {"code": self.code, "message": self.message, "hint": self.hint}

    @classmethod
    def from_body(cls, body: dict[str, str], status: int) -> "AppError":
        """The error that `body()` was made from, on the other side of a process border."""
        return cls(body["code"], body["message"], body["hint"], status=status)


def unknown_run() -> AppError:
    """The answer to who asks for a run that is not, or no longer, kept."""
    return AppError(
        "unknown_run",
        "expected the id of a run of this server, got one it does not know",
        "It may have expired or been deleted. Make a new one with POST /api/runs.",
        status=404,
    )


def shorten(value: object, length: int = 80) -> str:
    """A value as it is shown in a message: its `repr`, cut where it goes on for long."""
    shown = repr(value)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def complaint(error: Mapping[str, Any]) -> str:
    """What pydantic complains of, as one of `ValidationError.errors()` has it, and what arrived."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("missing", "value_error"):  # the latter are words of our own
        return message
    if error["type"] == "union_tag_invalid":  # whose message has all of what arrived
        wanted = error["ctx"]
        return (
            f"expected {wanted['discriminator']} to be one of {wanted['expected_tags']}, "
            f"got {shorten(wanted['tag'])}"
        )
    # As text, and short: the input may be NaN, which JSON cannot hold, or endless.
    return f"{message}, got {shorten(error.get('input'))}"


def from_engine(error: EngineError) -> AppError:
    """An engine's refusal as the caller's error: the engine's words already say what to do."""
    return AppError(
        "invalid_configuration",
        error.message,
        error.hint or "Correct the value and send the request again; nothing has changed.",
        status=422,
    )
