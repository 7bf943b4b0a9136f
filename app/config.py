"""The configuration of a run, as it arrives from outside and as it is kept.

The limits are checked here, before anything is allocated for the run.
"""

from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.errors import shorten
from engine import ConfigurationError, EngineError, optimizers
from engine.optimizers import OPTIMIZERS, Optimizer

MAX_LAYERS = 8
MAX_UNITS = 4096
MAX_BATCH_SIZE = 4096
MAX_PARAMETERS = 4_000_000
MAX_SEED = 2**63 - 1
MAX_BATCHES = 1_000_000
MAX_ACTIONS = 5_000  # changes in the log of one run

# Each data set's number of features and of classes.
DATASETS = {"mnist": (784, 10)}


class Strict(BaseModel):
    """Input from outside: no unknown fields, no conversion of types, only finite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _has_no_other_field(cls, value: Any) -> Any:
        """Refuse unknown fields in our own words: the framework's do not list the known ones."""
        unknown = value.keys() - cls.model_fields.keys() if isinstance(value, dict) else ()
        if unknown:
            raise ValueError(
                f"expected no fields but {', '.join(cls.model_fields)}, got {shorten(min(unknown))}"
            )
        return value


OptimizerName = Literal["sgd", "rmsprop", "adam"]
BatchSize = Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)]


class LayerConfig(Strict):
    """One dense layer."""

    units: int = Field(ge=1, le=MAX_UNITS)
    activation: Literal["relu", "tanh", "sigmoid", "linear", "softmax"] = "linear"


# The options of optimizers that can be chosen here; the others have Keras's defaults.
OPTIONS = ("learning_rate", "momentum")


def make_optimizer(settings: Mapping[str, Any]) -> Optimizer:
    """The engine's optimizer of that name with these options; the others have their defaults.

    Raises ConfigurationError, which names the options that can be chosen here.
    """
    name = settings.get("name")
    kind = OPTIMIZERS.get(name) if isinstance(name, str) else None
    if kind is not None:
        known = [option.name for option in fields(kind) if option.name in OPTIONS]
        unknown = settings.keys() - {"name", *known}
        if unknown:
            raise ConfigurationError(
                f"expected no option of {name} but {' and '.join(known)}, "
                f"got {shorten(min(unknown))}",
                "leave out what cannot be chosen of this optimizer",
            )
    return optimizers.get(settings)


class OptimizerChange(Strict):
    """A change of the optimizer: to another one, or of some of its options."""

    name: OptimizerName
    learning_rate: float | None = None
    momentum: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _judge(cls, value: Any) -> Any:
        """Let the engine judge name and numbers, so that there is one set of rules."""
        given = _given_options(value)
        _judged(given)
        return given


class OptimizerConfig(Strict):
    """An optimizer's name and options; what is left out takes Keras's default."""

    name: OptimizerName
    learning_rate: float
    momentum: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        """Let the engine judge name and numbers, so that there is one set of rules."""
        complete = _judged(_given_options(value)).config()
        return {key: complete[key] for key in cls.model_fields if key in complete}

    def settings(self) -> dict[str, Any]:
        """The form that the engine's `optimizers.get` takes and that JSON shows."""
        return self.model_dump(exclude_none=True)


def _given_options(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, Mapping) or value.get("name") is None:
        raise ValueError(
            f"expected the name of an optimizer, or its name and options, got {shorten(value)}"
        )
    return {key: item for key, item in value.items() if item is not None}


def _judged(options: dict[str, Any]) -> Optimizer:
    try:
        return make_optimizer(options)
    except EngineError as error:
        raise ValueError(str(error)) from None


def _example_layers() -> list[LayerConfig]:
    return [
        LayerConfig(units=512, activation="relu"),
        LayerConfig(units=10, activation="softmax"),
    ]


class RunConfig(Strict):
    """What a run is made from; every field has the example's value by default."""

    dataset: Literal["mnist"] = "mnist"
    layers: list[LayerConfig] = Field(
        default_factory=_example_layers, min_length=1, max_length=MAX_LAYERS
    )
    loss: Literal["categorical_crossentropy", "mean_squared_error"] = "categorical_crossentropy"
    optimizer: OptimizerConfig = Field(
        default_factory=lambda: OptimizerConfig(name="rmsprop", learning_rate=0.001)
    )
    batch_size: BatchSize = 128
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    dtype: Literal["float32", "float64"] = "float32"

    @field_validator("optimizer", mode="before")
    @classmethod
    def _is_the_examples_by_default(cls, optimizer: Any) -> Any:
        return {"name": "rmsprop", **optimizer} if isinstance(optimizer, dict) else optimizer

    @field_validator("layers")
    @classmethod
    def _fits_in_memory(cls, layers: list[LayerConfig]) -> list[LayerConfig]:
        widths = [DATASETS["mnist"][0], *(layer.units for layer in layers)]
        parameters = sum(inputs * units + units for inputs, units in pairwise(widths))
        if parameters > MAX_PARAMETERS:
            raise ValueError(
                f"expected at most {MAX_PARAMETERS:,} weights and biases in all, "
                f"got {parameters:,}; use fewer or smaller layers"
            )
        return layers

    @model_validator(mode="after")
    def _fits_the_data(self) -> Self:
        last = self.layers[-1]
        classes = DATASETS[self.dataset][1]
        if last.units != classes:
            raise ValueError(
                f"expected a last layer of {classes} units, one a class of {self.dataset}, "
                f"got {last.units}"
            )
        if self.loss == "categorical_crossentropy" and last.activation != "softmax":
            raise ValueError(
                "expected a softmax as the last activation, since categorical_crossentropy "
                f"compares probabilities, got {last.activation!r}"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return self.model_dump(exclude_none=True)
