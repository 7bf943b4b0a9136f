"""What the network gets wrong among the test images, as of the last measurement."""

import numpy as np

from app.plain_json import json_text
from app.runs.run import Run
from app.runs.view_parts import Tensors, ViewParts

LISTED = 24


def mistakes_view(run: Run, *cell: int) -> ViewParts | None:
    """`confusion` uint32 (classes, classes), rows the true class, columns the network's answer; and
    some test images, LISTED at most: `images` uint8 (k, features), `labels`, `predicted` uint8,
    `confidence` float32, `indices` uint32 among all of them.

    They are the most confident mistakes. For a cell of the table (true class, answer) they are the
    images of that cell; on the diagonal, which has no mistakes, the least confident first.

    Metadata: `measured.batch`. Empty before the first measurement, and if the weights of the last
    one have been changed by hand since, or its future discarded. None for a cell that the table
    does not have.
    """
    classes = run.loop.network.outputs
    if any(number >= classes for number in cell):
        return None
    measured = run.measuring.last
    if measured is None or not run.series.has_test(measured.batch):
        return {}, {}
    labels, predicted = run.data.test.y, measured.predicted
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes)
    confidence = measured.confidence
    if cell:
        label, answer = cell
        found = np.flatnonzero((labels == label) & (predicted == answer))
        keys = confidence[found] if label == answer else -confidence[found]
    else:
        found = np.flatnonzero(predicted != labels)
        keys = -confidence[found]
    listed = found[np.argsort(keys, kind="stable")][:LISTED]
    tensors: Tensors = {
        "confusion": confusion.reshape(classes, classes).astype(np.uint32),
        "images": run.data.test.x[listed],
        "labels": labels[listed].astype(np.uint8),
        "predicted": predicted[listed].astype(np.uint8),
        "confidence": confidence[listed].astype(np.float32),
        "indices": listed.astype(np.uint32),
    }
    return tensors, {"measured.batch": json_text(measured.batch)}
