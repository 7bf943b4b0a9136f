"""What the network gets wrong among the test images, as of the last measurement."""

import numpy as np

from app.plain_json import json_text
from app.runs.run import Run
from app.runs.view_parts import Tensors, ViewParts

WORST = 24


def mistakes_view(run: Run) -> ViewParts:
    """`confusion` uint32 (classes, classes), rows the true class, columns the network's answer;
    and the most confident mistakes: `images` uint8 (k, features), `labels`, `predicted` uint8,
    `confidence` float32, `indices` uint32 among the test images, the most confident first.

    Metadata: `measured.batch`. Empty before the first measurement, and where the last is of weights
    that have been changed by hand since, or of a future that has been discarded.
    """
    measured = run.measuring.last
    if measured is None or not run.series.has_test(measured.batch):
        return {}, {}
    labels, predicted = run.data.test.y, measured.predicted
    classes = run.loop.network.outputs
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-measured.confidence[wrong], kind="stable")][:WORST]
    tensors: Tensors = {
        "confusion": confusion.reshape(classes, classes).astype(np.uint32),
        "images": run.data.test.x[worst],
        "labels": labels[worst].astype(np.uint8),
        "predicted": predicted[worst].astype(np.uint8),
        "confidence": measured.confidence[worst].astype(np.float32),
        "indices": worst.astype(np.uint32),
    }
    return tensors, {"measured.batch": json_text(measured.batch)}
