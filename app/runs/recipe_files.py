"""Recipes and networks as files, in which a run leaves the server and comes back."""

import json
from typing import Any, Literal, get_args

from app.runs.run import Run
from app.storage.sealed import seal
from engine.weights_file import network_metadata

RecipeFormat = Literal["descent.recipe"]
RecipeVersion = Literal[1]
(RECIPE_FORMAT,) = get_args(RecipeFormat)
(RECIPE_VERSION,) = get_args(RecipeVersion)
RECIPE_KEY = "recipe"


def recipe_json(run: Run) -> dict[str, Any]:
    """The whole recipe of a run, and how far the run has been trained."""
    return {
        "format": RECIPE_FORMAT,
        "version": RECIPE_VERSION,
        "name": run.name,
        "config": run.recipe.config,
        "actions": [action.to_json() for action in run.recipe.actions],
        "batches": run.history.pending or run.furthest,
    }


def network_file(run: Run) -> bytes:
    """The present network as a safetensors file with its recipe up to now, and a checksum."""
    batch = run.loop.batch
    recipe = recipe_json(run)
    recipe["actions"] = [action for action in recipe["actions"] if action["batch"] <= batch]
    network = run.loop.network
    metadata = {
        **network_metadata(network.layers, network.inputs or 0, network.seed),
        RECIPE_KEY: json.dumps(recipe | {"batches": batch}),
    }
    return b"".join(seal(network.parameters, metadata))
