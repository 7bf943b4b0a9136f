"""The named errors of the engine: each says what was expected, what arrived and what to do."""


class EngineError(Exception):
    """Root of all errors the engine raises on purpose.

    `message` states what was expected and what arrived; `hint`, where there is one, what to do.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ConfigurationError(EngineError, ValueError):
    """A name, size or rate with which no network, optimizer or loop can be made."""


class ShapeError(EngineError, ValueError):
    """An array whose shape or type does not fit the place it was meant for."""


class LabelError(EngineError, ValueError):
    """Targets that are neither classes of this network nor distributions over them."""


class PhaseOrderError(EngineError, RuntimeError):
    """A phase out of order, or a call in mid-batch that is allowed only between batches."""


class UnknownTensorError(EngineError, LookupError):
    """A tensor name that the network does not have."""


class NotComputedError(EngineError, LookupError):
    """A tensor that the network has, whose phase has not run yet."""


class NonFiniteError(EngineError, ArithmeticError):
    """A number that is infinite or not a number; the network is as it was before the batch.

    `batch` is the batch that failed (the first is 1; 0 if none is known), `phase` the phase that
    found the number ("loss", "backward"), `what` the quantity. If `phase` is "evaluation", `batch`
    is the last batch before it.
    """

    def __init__(self, *, batch: int, phase: str, what: str, value: float) -> None:
        where = f"batch {batch} ({phase})" if batch else phase
        if batch and phase == "evaluation":
            where = f"the evaluation after batch {batch}"
        back = "go back to an earlier batch" if batch else "train the network anew"
        super().__init__(
            f"expected a finite {what} in {where}, got {value}",
            f"{back} and take a lower learning rate",
        )
        self.batch = batch
        self.phase = phase
        self.what = what
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        arguments = {
            "batch": self.batch,
            "phase": self.phase,
            "what": self.what,
            "value": self.value,
        }
        return (_rebuild_non_finite, (arguments,))


class HelperLostError(EngineError, RuntimeError):
    """The helper process ended in the middle of its calls: nobody knows what they changed."""


class DatasetError(EngineError):
    """A data set that is damaged or can't be read."""


class MnistMissingError(DatasetError, FileNotFoundError):
    """The files of MNIST are in none of the places where the engine looks."""


def _rebuild_non_finite(arguments: dict[str, object]) -> NonFiniteError:
    # Exceptions are pickled as their positional arguments; programs of several processes do that.
    return NonFiniteError(**arguments)  # type: ignore[arg-type]
