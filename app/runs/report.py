"""What a run reports about itself: the protocol's state object, in plain JSON values."""

from typing import Any

from app.runs.network import optimizer_settings
from app.runs.run import Run
from app.runs.weight_views import weight_views


def report(run_id: str, run: Run) -> dict[str, Any]:
    """The whole state, as `GET /api/runs/{id}` gives it."""
    return {
        "id": run_id,
        "config": run.recipe.config,
        "actions": [action.to_json() for action in run.recipe.actions],
        "name": run.name,
        "branched_from": run.branched_from,
        **moving_report(run),
    }


def summary(run: Run) -> dict[str, Any]:
    """The few figures that a list of runs shows of each."""
    loop = run.loop
    test = run.series.test_at(loop.batch)
    return {
        "state": run.state,
        "batch": loop.batch,
        "furthest": run.furthest,
        "changed": bool(run.recipe.actions),
        "epoch": loop.epoch,
        "loss": loop.last_loss,
        "accuracy": loop.last_accuracy,
        "test_accuracy": test[2] if test else None,
        "optimizer": loop.optimizer.config()["name"],
        "learning_rate": loop.learning_rate,
        "batch_size": loop.batch_size,
    }


def moving_report(run: Run) -> dict[str, Any]:
    """The part of the state that changes from batch to batch, as every frame carries it."""
    loop = run.loop
    test = run.series.test_at(loop.batch)
    discarded = run.history.discarded
    return {
        "version": run.version,
        "state": run.state,
        "batch": loop.batch,
        "epoch": loop.epoch,
        "phase": loop.phase,
        "next_phase": loop.next_phase,
        "batch_in_epoch": loop.batch_in_epoch,
        "batches_per_epoch": loop.batches_per_epoch,
        "loss": loop.last_loss,
        "accuracy": loop.last_accuracy,
        "test_loss": test[1] if test else None,
        "test_accuracy": test[2] if test else None,
        "test_batch": test[0] if test else None,
        "optimizer": optimizer_settings(loop.optimizer),
        "step_optimizer": optimizer_settings(loop.optimizer_at_hand),
        "learning_rate": loop.learning_rate,
        "batch_size": loop.batch_size,
        "speed": run.pace.speed,
        "batches_per_second": round(run.batches_per_second, 1),
        "furthest": run.furthest,
        "timeline": run.timeline,
        "pending": run.history.pending,
        "parameters": loop.network.count_params(),
        "tensors": loop.computed_tensor_names(),
        "views": weight_views(run),
        "trained_apart": loop.trained_apart,
        "edit": run.edit.to_json() if run.edit is not None else None,
        "can_undo": run.can_undo,
        "discarded": discarded.to_json() if discarded is not None else None,
        "error": run.error.body() if run.error is not None else None,
        "sound": run.failure.sound if run.failure is not None else None,
        "saved": run.unsaved.body() if run.unsaved is not None else None,
        "restored": run.restored.to_json() if run.restored is not None else None,
    }
