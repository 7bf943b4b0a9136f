"""The log of changes: ordered by batch, merged where that hides nothing."""

from typing import Any

from app.runs.recipe import Action, Recipe


def recorded(*entries: tuple[int, dict[str, Any]]) -> list[Action]:
    recipe = Recipe({})
    for batch, settings in entries:
        recipe.record(batch, settings)
    return recipe.actions


def test_changes_are_kept_in_the_order_of_batches() -> None:
    assert recorded((5, {"learning_rate": 0.1}), (2, {"batch_size": 64})) == [
        Action(2, {"batch_size": 64}),
        Action(5, {"learning_rate": 0.1}),
    ]


def test_changes_at_one_batch_are_merged_and_the_later_wins() -> None:
    entries = (
        (3, {"learning_rate": 0.1, "batch_size": 64}),
        (3, {"learning_rate": 0.2}),
        (3, {"batch_size": 32}),
    )
    assert recorded(*entries) == [Action(3, {"learning_rate": 0.2, "batch_size": 32})]


def test_a_momentum_starts_an_entry_of_its_own() -> None:
    off, on = {"momentum": 0.0}, {"momentum": 0.9}
    actions = recorded((3, off), (3, on), (3, {"learning_rate": 0.2}))
    assert actions == [Action(3, off), Action(3, on | {"learning_rate": 0.2})]


def test_a_named_optimizer_starts_an_entry_of_its_own() -> None:
    adam = {"optimizer": {"name": "adam", "learning_rate": 0.1}}
    rmsprop = {"optimizer": {"name": "rmsprop", "learning_rate": 0.1}}
    actions = recorded((3, adam), (3, rmsprop), (3, {"learning_rate": 0.2}))
    assert actions == [Action(3, adam), Action(3, rmsprop | {"learning_rate": 0.2})]


def test_merging_leaves_earlier_records_as_they_were() -> None:
    recipe = Recipe({})
    recipe.record(3, {"learning_rate": 0.1})
    before = recipe.actions[0]
    recipe.record(3, {"learning_rate": 0.2})
    assert before.settings == {"learning_rate": 0.1}


def test_discarding_keeps_the_changes_up_to_and_at_the_batch() -> None:
    recipe = Recipe({})
    for batch in (1, 2, 3):
        recipe.record(batch, {"learning_rate": batch / 10})
    recipe.discard_after(2)
    assert [action.batch for action in recipe.actions] == [1, 2]


def test_the_changes_of_exactly_one_batch_are_found() -> None:
    recipe = Recipe({})
    recipe.record(1, {"learning_rate": 0.1})
    recipe.record(2, {"optimizer": {"name": "sgd"}})
    recipe.record(2, {"optimizer": {"name": "adam"}})
    assert [action.settings["optimizer"]["name"] for action in recipe.at(2)] == ["sgd", "adam"]
    assert recipe.at(3) == []


def test_the_log_travels_as_batch_and_set() -> None:
    assert Action(7, {"batch_size": 32}).to_json() == {"batch": 7, "set": {"batch_size": 32}}
