"""The one error shape of the server, apart from any web framework."""

import json
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
        """The error behind a `body()`, in another process than the one that raised it."""
        return cls(body["code"], body["message"], body["hint"], status=status)


def unknown_run() -> AppError:
    """The answer to a request for a run that is not kept, or no longer."""
    return AppError(
        "unknown_run",
        "expected the id of a run of this server, got one it does not know",
        "It may have expired or been deleted. Make a new one with POST /api/runs.",
        status=404,
    )


def require_at_most(last: int, what_it_is: str, batch: int) -> None:
    """Raise AppError if a batch beyond the last one is asked for."""
    if batch > last:
        raise AppError(
            "batch_not_reached",
            f"expected a batch from 0 to {last}, {what_it_is}, got {shorten(batch)}",
            "Play or step further first.",
            status=409,
        )


# It descends into a value only as far as its text is needed, so endless nesting does no harm.
_IN_PIECES = json.JSONEncoder(ensure_ascii=False, default=repr)


def shorten(value: object, length: int = 80) -> str:
    """A value as a message shows it, cut if it is long.

    A text is in quotes, like its `repr`; anything else as in JSON.
    """
    if isinstance(value, str):
        return _cut(repr(value), length)
    shown = ""
    for piece in _IN_PIECES.iterencode(value):
        shown += piece
        if len(shown) > length:
            break
    # It may hold half of a surrogate pair, which UTF-8 cannot encode.
    return _cut(shown.encode("utf-8", "backslashreplace").decode(), length)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def complaint(error: Mapping[str, Any]) -> str:
    """One of pydantic's `ValidationError.errors()` in words, with what arrived."""
    message = str(error["msg"]).removeprefix("Value error, ")
    match error["type"]:
        case "value_error":  # words of our own
            return message
        case "missing" if error["input"] is None:
            return "expected a body that is JSON, got none"
        case "missing":
            return f"expected {error['loc'][-1]}, got {shorten(error['input'])} without it"
        case "too_short":
            wanted, got = error["ctx"]["min_length"], error["ctx"]["actual_length"]
            return f"expected a list of at least {wanted}, got one of {got}"
        case "too_long":
            wanted, got = error["ctx"]["max_length"], error["ctx"]["actual_length"]
            return f"expected a list of at most {wanted}, got one of {got}"
        case "model_type" | "model_attributes_type" | "dict_type":
            message = "expected an object"
    # As text, and short: the input may be NaN, which JSON does not have, or very long.
    return f"{message}, got {shorten(error.get('input'))}"


def from_engine(error: EngineError) -> AppError:
    """The engine's error as one for the caller: its words already say what to do."""
    return AppError(
        "invalid_configuration",
        error.message,
        error.hint or "Correct the value and send the request again; nothing has changed.",
        status=422,
    )
