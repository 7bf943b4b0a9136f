"""The epochs of fit: runs the training loop through each and shows its progress."""

from collections.abc import Iterator

from engine.evaluation import Evaluation
from engine.progress import Progress
from engine.samples import Samples
from engine.traces import LossTrace
from engine.training import TrainingLoop


def fit_epochs(
    loop: TrainingLoop, epochs: int, verbosity: int, validation: Samples | None
) -> Iterator[dict[str, float]]:
    """Train epoch by epoch; yields each epoch's loss and metrics."""
    progress = Progress(epochs, live=verbosity == 1) if verbosity else None
    for epoch in range(1, epochs + 1):
        if progress:
            progress.begin(epoch)
        try:
            figures, batches = _train_epoch(loop, progress)
            figures |= _validate(loop, validation) if validation else {}
        except BaseException:
            # Ctrl-C, or a loss that is not finite: what is printed next has to begin a new line.
            if progress:
                progress.interrupt()
            raise
        if progress:
            progress.end(batches, figures)
        yield figures


def _train_epoch(loop: TrainingLoop, progress: Progress | None) -> tuple[dict[str, float], int]:
    total = loop.batches_per_epoch
    sums = {"loss": 0.0}
    used = batches = 0

    def means() -> dict[str, float]:
        return {name: value / used for name, value in sums.items()}

    def add(trace: LossTrace) -> None:
        nonlocal used, batches
        n = len(trace.per_sample)
        used, batches = used + n, batches + 1
        sums["loss"] += n * trace.loss
        if trace.accuracy is not None:
            sums["accuracy"] = sums.get("accuracy", 0.0) + n * trace.accuracy
        if progress:
            progress.batch(batches, total, means())

    loop.run_batches(total, add)
    return means(), batches


def _validate(loop: TrainingLoop, validation: Samples) -> dict[str, float]:
    loss, accuracy = Evaluation(loop, validation).run(loop.threads)
    return {"val_loss": loss} | ({} if accuracy is None else {"val_accuracy": accuracy})
