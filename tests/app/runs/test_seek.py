"""Going back and forward: the same bits, whatever has been changed on the way."""

from pathlib import Path
from typing import Any

import pytest

from app.errors import AppError
from app.runs.restored import Restored
from app.runs.run import Run
from engine import Phase
from tests.app.conftest import MakeRun
from tests.support.runs import Clock, Tensors, column, same_bits, snapshot
from tests.support.training import refusal, seek, step

History = dict[int, Tensors]


def same_batch(run: Run, then: Tensors) -> bool:
    """Whether the tensors are those of that time, bit for bit.

    At a batch where the optimizer was changed afterwards, its state is the new optimizer's.
    """
    now = snapshot(run)
    if any({"optimizer", "momentum"} & set(one.settings) for one in run.recipe.at(run.loop.batch)):
        now, then = (
            {name: all_[name] for name in all_ if not is_state(name)} for all_ in (now, then)
        )
    return same_bits(now, then)


def is_state(name: str) -> bool:
    return name.endswith((".v", ".m", ".velocity"))


def trained(run: Run, clock: Clock, batches: int, history: History | None = None) -> History:
    """Step batch by batch, keeping the tensors of each."""
    history = {} if history is None else history
    for _ in range(batches):
        step(run, clock)
        history[run.loop.batch] = snapshot(run)
    return history


def changed_in_many_ways(run: Run, clock: Clock) -> History:
    """Changes at boundaries, in mid-batch at every phase, and twice at one batch."""
    history = trained(run, clock, 2)
    run.command({"type": "set", "learning_rate": 0.01})
    run.command({"type": "set", "batch_size": 48, "learning_rate": 0.004})
    trained(run, clock, 2, history)
    changes: list[dict[str, Any]] = [
        {"batch_size": 64, "optimizer": "adam"},
        {"learning_rate": 0.002},
        {"optimizer": {"name": "sgd", "momentum": 0.5}, "batch_size": 100},
        {"momentum": 0.9, "learning_rate": 0.05},
    ]
    for phases, change in enumerate(changes, start=1):
        step(run, clock, phases, "phase")
        run.command({"type": "set", **change})
        trained(run, clock, 2, history)
    # Off and on in one batch: the velocity starts afresh.
    run.command({"type": "set", "momentum": 0.0})
    run.command({"type": "set", "momentum": 0.9})
    trained(run, clock, 2, history)
    # Away and back in one batch: the optimizer starts afresh, twice.
    step(run, clock, 2, "phase")
    run.command({"type": "set", "optimizer": "rmsprop", "learning_rate": 0.001})
    run.command({"type": "set", "optimizer": "adam"})
    run.command({"type": "set", "optimizer": "rmsprop", "batch_size": 20})
    run.command({"type": "set", "batch_size": 30})
    return trained(run, clock, 3, history)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_batch_comes_back_bit_for_bit(make_run: MakeRun, clock: Clock, dtype: str) -> None:
    run = make_run(dtype=dtype)
    history = changed_in_many_ways(run, clock)
    losses = column(run.series, "loss")
    last = run.furthest
    for batch in (*range(last, 0, -1), *range(1, last + 1, 3), last):
        seek(run, clock, batch)
        assert run.loop.batch == batch
        assert run.loop.phase is Phase.UPDATE
        assert run.loop.last_loss == losses[batch - 1]
        assert same_batch(run, history[batch]), f"batch {batch} differs"
    assert run.furthest == last
    assert run.timeline == 0


def test_what_follows_a_seek_back_is_what_followed_before(run: Run, clock: Clock) -> None:
    history = changed_in_many_ways(run, clock)
    losses = column(run.series, "loss")
    seek(run, clock, 3)
    for batch in range(4, run.furthest + 1):
        step(run, clock)
        assert run.loop.batch == batch
        assert same_batch(run, history[batch]), f"batch {batch} differs"
        assert run.loop.last_loss == losses[batch - 1]
    assert run.timeline == 0


@pytest.mark.parametrize("history_bytes", [0, 300_000])
def test_checkpoints_change_nothing_but_the_time_it_takes(
    make_run: MakeRun, clock: Clock, history_bytes: int
) -> None:
    run = make_run(history_bytes=history_bytes)
    history = trained(run, clock, 70)
    for batch in (70, 64, 65, 33, 32, 31, 1):
        seek(run, clock, batch)
        assert same_batch(run, history[batch]), f"batch {batch} differs"


def test_batch_0_is_the_untrained_network(make_run: MakeRun, clock: Clock) -> None:
    run = make_run()
    trained(run, clock, 5)
    seek(run, clock, 0)
    assert (run.loop.batch, run.loop.phase, run.loop.last_loss) == (0, None, None)
    assert same_bits(snapshot(run), snapshot(make_run()))


def test_a_seek_in_mid_batch_lets_that_batch_go(run: Run, clock: Clock) -> None:
    history = trained(run, clock, 4)
    step(run, clock, 3, "phase")
    seek(run, clock, 4)
    assert run.loop.phase is Phase.UPDATE
    assert same_bits(snapshot(run), history[4])


def test_a_seek_to_where_it_is_rests_there(run: Run, clock: Clock) -> None:
    trained(run, clock, 2)
    run.command({"type": "play"})
    run.command({"type": "seek", "batch": 2})
    assert run.state == "paused"
    assert run.loop.batch == 2


def test_a_damaged_checkpoint_is_told_with_the_batch_gone_to(
    run: Run, clock: Clock, tmp_path: Path
) -> None:
    trained(run, clock, 100)
    run.history.checkpoints.finish()
    (damaged,) = tmp_path.rglob("checkpoint-0000064.safetensors")
    damaged.write_bytes(b"damaged")
    seek(run, clock, 70)
    assert run.restored == Restored(70, "checkpoint_damaged", [damaged.name])


def test_a_batch_that_was_never_reached_is_refused(run: Run, clock: Clock) -> None:
    trained(run, clock, 2)
    with pytest.raises(AppError) as raised:
        run.command({"type": "seek", "batch": 3})
    assert raised.value.code == "batch_not_reached"
    assert "from 0 to 2" in raised.value.message
    assert run.loop.batch == 2


def test_a_batch_beyond_the_recipe_is_refused_as_that(run: Run) -> None:
    run.history.follows_to = 50
    refused = refusal(run, {"type": "seek", "batch": 60})
    assert refused.code == "batch_not_reached"
    assert "from 0 to 50, as far as the recipe of this run goes, got 60" in refused.message


def test_a_change_in_mid_batch_discards_what_a_recipe_has_ahead(run: Run, clock: Clock) -> None:
    run.recipe.record(5, {"optimizer": {"name": "adam", "learning_rate": 0.1}})
    run.history.follows_to = 9
    step(run, clock, 4)
    step(run, clock, 2, "phase")
    run.command({"type": "set", "learning_rate": 0.01})
    run.command({"type": "set", "batch_size": 64})
    run.command({"type": "set", "learning_rate": 0.02})
    history = trained(run, clock, 3)
    assert [action.to_json() for action in run.recipe.actions] == [
        {"batch": 4, "set": {"learning_rate": 0.02}},
        {"batch": 5, "set": {"batch_size": 64}},
    ]
    seek(run, clock, 2)
    seek(run, clock, 7)
    assert same_bits(snapshot(run), history[7])


def test_a_change_after_a_seek_back_discards_what_lay_ahead(run: Run, clock: Clock) -> None:
    trained(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.02})
    trained(run, clock, 3)
    kept = column(run.series, "loss", 1, 2)
    seek(run, clock, 2)
    assert (run.furthest, run.timeline) == (6, 0)
    run.command({"type": "set", "learning_rate": 0.5})
    assert (run.furthest, run.timeline) == (2, 1)
    assert [action.to_json() for action in run.recipe.actions] == [
        {"batch": 2, "set": {"learning_rate": 0.5}}
    ]
    step(run, clock, 2)
    assert column(run.series, "loss")[:2] == kept
    assert column(run.series, "learning_rate") == [0.001, 0.001, 0.5, 0.5]


def test_going_on_after_a_seek_back_discards_nothing(run: Run, clock: Clock) -> None:
    trained(run, clock, 4)
    seek(run, clock, 1)
    step(run, clock, 1)
    assert (run.furthest, run.timeline) == (4, 0)


def test_a_loop_apart_comes_to_an_earlier_batch_while_the_run_goes_on(
    run: Run, clock: Clock
) -> None:
    history = changed_in_many_ways(run, clock)
    batch = run.loop.batch
    for target in (1, 5, batch):
        replay = run.replay_to(target)
        while not replay.done:
            replay.advance()
            step(run, clock)  # the run's own loop goes its way in between
        weights = replay.loop.tensor("layer1.weights")
        assert weights.tobytes() == history[target]["layer1.weights"].tobytes()
    assert run.loop.batch > batch
