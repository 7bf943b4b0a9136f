"""Recipes as they arrive from outside, checked before a run is made from one."""

import codecs
import json
from itertools import pairwise
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from app.commands import Pixel, WeightChange, parse_command
from app.config import (
    MAX_ACTIONS,
    MAX_BATCHES,
    BatchSize,
    OptimizerChange,
    RunConfig,
    Strict,
)
from app.errors import AppError, complaint, shorten
from app.runs.recipe_files import (
    RECIPE_FORMAT,
    RECIPE_KEY,
    RECIPE_VERSION,
    RecipeFormat,
    RecipeVersion,
)
from app.storage.sealed import DamagedFileError, NotSealedError, header_length, unseal

MAX_NAME = 80


class DrawingStep(Strict):
    """One step on a labelled drawing of 28 x 28 pixels, 0..255."""

    label: int = Field(ge=0, le=9)
    pixels: list[Pixel] = Field(min_length=784, max_length=784)


class ChangedSettings(Strict):
    """What one change of a recipe sets: settings, or a change by hand."""

    learning_rate: float | None = None
    momentum: float | None = None
    batch_size: BatchSize | None = None
    optimizer: OptimizerChange | None = None
    weight: WeightChange | None = None
    drawing: DrawingStep | None = None

    @model_validator(mode="after")
    def _is_one_change(self) -> Self:
        given = self.model_fields_set
        if not given:
            raise ValueError("expected a setting, a weight or a drawing, got nothing to change")
        if any(getattr(self, name) is None for name in given):
            raise ValueError("expected values, got null: leave out what is not changed")
        if not given.isdisjoint({"weight", "drawing"}) and len(given) > 1:
            together = " and ".join(sorted(given))
            raise ValueError(f"expected a change by hand to be one of its own, got {together}")
        return self

    def settings(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return self.model_dump(exclude_none=True)


class Change(Strict):
    """A change at a batch."""

    batch: int = Field(ge=0, le=MAX_BATCHES)
    set: ChangedSettings


class Recipe(Strict):
    """A run, as `GET /api/runs/{id}/recipe` gives it."""

    format: RecipeFormat = RECIPE_FORMAT
    version: RecipeVersion = RECIPE_VERSION
    name: str = Field(default="", max_length=MAX_NAME)
    config: RunConfig = Field(default_factory=RunConfig)
    actions: list[Change] = Field(default_factory=list, max_length=MAX_ACTIONS)
    batches: int = Field(default=0, ge=0, le=MAX_BATCHES)

    @field_validator("version", mode="before")
    @classmethod
    def _is_a_whole_number(cls, version: Any) -> Any:
        if type(version) is not int:  # a Literal also accepts True and 1.0, which equal 1
            raise ValueError(f"expected {RECIPE_VERSION}, got {shorten(version)}")
        return version

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        for one, next_one in pairwise(change.batch for change in self.actions):
            if one > next_one:
                raise ValueError(
                    "expected the actions in the order of their batches, "
                    f"got one at batch {next_one} after one at batch {one}"
                )
        return self

    def log(self) -> list[tuple[int, dict[str, Any]]]:
        """The actions as (batch, settings)."""
        return [(change.batch, change.set.settings()) for change in self.actions]

    @property
    def follows_to(self) -> int:
        """The batch to which it goes: at least that of its last change."""
        return max([self.batches, *(change.batch for change in self.actions[-1:])])


class NewRun(RunConfig):
    """What a run is made from: a configuration, a whole recipe, or a file that has one."""

    recipe: Recipe | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, value: Any) -> Any:
        return {"recipe": from_file(value)} if isinstance(value, bytes) else value

    @field_validator("recipe")
    @classmethod
    def _is_given(cls, recipe: Recipe | None) -> Recipe:
        if recipe is None:
            raise ValueError("expected a recipe, got null: leave it out for the example")
        return recipe

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if self.recipe is not None and self.model_fields_set != {"recipe"}:
            raise ValueError("expected a recipe or the fields of a configuration, got both")
        return self

    def as_recipe(self) -> Recipe:
        """The recipe, in whichever form it was given."""
        return self.recipe or Recipe(config=RunConfig(**self.settings()))


class Renaming(Strict):
    """A run's new name."""

    name: str = Field(max_length=MAX_NAME)


class Branch(Strict):
    """Where a run branches off another, and what it does differently from there on."""

    batch: int = Field(ge=0, le=MAX_BATCHES)
    set: dict[str, Any] | None = None

    def command(self) -> dict[str, Any] | None:
        """The command that sets what the branch does differently. Raises `ValidationError`."""
        return parse_command({**self.set, "type": "set"}) if self.set else None


def from_file(data: bytes) -> Recipe:
    """The recipe in the metadata of a network's file, or in a JSON file. Raises `AppError`."""
    try:
        if _is_json(data):
            recipe = json.loads(data)
        else:
            _, metadata = unseal(data)
            recipe = json.loads(metadata[RECIPE_KEY])
        recipe["format"]  # a file without a format is another program's
        return parse(recipe)
    except (DamagedFileError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise AppError(
            "invalid_file",
            f"expected a network or a recipe saved by this program, got {_found_instead(error)}",
            "Choose a .safetensors or .json file saved from the Share dialog, and unchanged since. "
            "Nothing has been made.",
            status=422,
        ) from error


def _found_instead(error: Exception) -> str:
    """What a file is, told from why it cannot be read: a parser's own words help nobody."""
    match error:
        case KeyError() | TypeError() | NotSealedError():
            return "a file that has no recipe in it"
        case json.JSONDecodeError():
            return f"a file whose JSON goes wrong in line {error.lineno}"
        case DamagedFileError():
            return "a file that is damaged, or of another kind"
        case _:
            return "a file whose JSON cannot be read"


def _is_json(data: bytes) -> bool:
    # A safetensors file's length may look like JSON, but JSON never looks like a length.
    if header_length(data) <= len(data):
        return False
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def parse(value: object) -> Recipe:
    """A checked recipe. Raises `AppError`, which names the place of the error."""
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AppError(
            "invalid_recipe",
            f"recipe{'.' + place if place else ''}: {complaint(first)}",
            "See docs/protocol.md for what a recipe has; nothing has been made.",
            status=422,
        ) from error
