"""The commands a run understands, checked before they travel to its worker."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from app.config import BatchSize, OptimizerChange, OptimizerName, Strict
from app.errors import complaint, shorten

MAX_COUNT = 1_000_000
MIN_SPEED, MAX_SPEED = 0.01, 1e6  # phases a second

Unit = Literal["phase", "batch", "epoch"]  # what steps are counted in
Pixel = Annotated[int, Field(ge=0, le=255)]


class Play(Strict):
    """Start training."""

    type: Literal["play"]


class Pause(Strict):
    """Stop at once, in the middle of a batch too."""

    type: Literal["pause"]


class Step(Strict):
    """Run on to the next boundary of `unit`, `count` times."""

    type: Literal["step"]
    unit: Unit = "batch"
    count: int = Field(default=1, ge=1, le=MAX_COUNT)


class Set(Strict):
    """Change settings; all of one command's are applied together or not at all."""

    type: Literal["set"]
    learning_rate: float | None = None
    optimizer: OptimizerName | dict[str, Any] | None = None
    momentum: float | None = None
    batch_size: BatchSize | None = None
    speed: float | None = Field(default=None, ge=MIN_SPEED, le=MAX_SPEED)

    @field_validator("optimizer", mode="before")
    @classmethod
    def _is_an_optimizer(cls, optimizer: Any) -> Any:
        """Check both forms, a name and an object, by the same rules."""
        if optimizer is not None:
            try:
                OptimizerChange.model_validate(optimizer)
            except ValidationError as error:
                raise ValueError(complaint(error.errors()[0])) from None
        return optimizer

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        given = self.model_fields_set - {"type"}
        if not given:
            raise ValueError(
                "expected at least one of learning_rate, optimizer, momentum, batch_size, speed, "
                "got none"
            )
        for name in given - {"speed"}:
            if getattr(self, name) is None:
                raise ValueError(f"expected a value for {name}, got null")
        return self


class Seek(Strict):
    """Go to a batch: from 0 to the furthest one trained, or as far as the run's recipe goes."""

    type: Literal["seek"]
    batch: int = Field(ge=0)


class Reset(Strict):
    """Go back to batch 0 with the same seed; the settings stay."""

    type: Literal["reset"]


class WeightChange(Strict):
    """One weight or bias, set by hand."""

    tensor: str = Field(max_length=64)
    index: list[int] = Field(min_length=1, max_length=2)
    value: float


class SetWeight(WeightChange):
    """Set one weight or bias by hand."""

    type: Literal["set_weight"]


class TrainOn(Strict):
    """Take one step on a drawn digit, prepared as `/api/classify` gives it back."""

    type: Literal["train_on"]
    pixels: list[Annotated[list[Pixel], Field(min_length=28, max_length=28)]] = Field(
        min_length=28, max_length=28
    )
    label: int = Field(ge=0, le=9)


class Undo(Strict):
    """Take back the last change by hand, or a reset, as long as nothing has been trained since."""

    type: Literal["undo"]


_OfAnyType = Play | Pause | Step | Set | Seek | Reset | SetWeight | TrainOn | Undo

TYPES = [get_args(each.model_fields["type"].annotation)[0] for each in get_args(_OfAnyType)]


def _has_a_type(value: Any) -> Any:
    """Refuse unknown types in our own words: the framework's do not list the known ones."""
    is_object = isinstance(value, dict)
    if isinstance(value, Strict) or (is_object and value.get("type") in TYPES):
        return value
    got = value["type"] if is_object and "type" in value else value
    raise ValueError(
        f"expected a command whose type is one of {', '.join(TYPES)}, got {shorten(got)}"
    )


Command = Annotated[_OfAnyType, Discriminator("type"), BeforeValidator(_has_a_type)]

_ADAPTER: TypeAdapter[Command] = TypeAdapter(Command)


def parse_command(value: object) -> dict[str, Any]:
    """The command as plain JSON values with only the fields that were given.

    Raises pydantic's `ValidationError` if it is not one of the commands.
    """
    command = _ADAPTER.validate_python(value)
    fields = command.model_dump(exclude_unset=True)
    if isinstance(command, Step):
        fields |= {"unit": command.unit, "count": command.count}
    return fields
