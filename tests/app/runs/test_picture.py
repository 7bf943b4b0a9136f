"""A picture's message: of the moment it was taken at, whenever and wherever it is made."""

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from app.runs import picture as pictures
from app.runs.codes import code_table, encode
from app.runs.picture import KEPT, Picture
from app.runs.run import Run
from tests.support.watcher import View

# Of a loop without a helper, which leaves the work to who reads the message.
SIGNED, UNSIGNED = code_table("signed", 2.0), code_table("unsigned", 16.0)


@pytest.mark.parametrize("inputs", [31, 56, 131])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_shows_the_matrix_as_it_was(
    run: Run, order: Literal["C", "F"], dtype: type, inputs: int
) -> None:
    numbers = np.random.default_rng(5).normal(size=(12, inputs))
    matrix: NDArray[np.floating] = np.array(numbers, dtype=dtype, order=order)
    expected = encode(matrix, "signed", 2.0)
    picture = Picture(matrix, SIGNED, {"view": "layer1.weights"}, run.loop)
    matrix[:] = 0
    view = View.read(picture)
    assert view.metadata == {"view": "layer1.weights"}
    assert (view.tensors["values"] == expected).all()


def test_its_length_is_known_before_it_is_made(run: Run) -> None:
    picture = Picture(np.ones((3, 5)), UNSIGNED, {"view": "é"}, run.loop)
    assert len(picture) == sum(map(len, picture.pieces()))


def test_pictures_that_wait_do_not_share_their_numbers(run: Run) -> None:
    matrices = [np.full((6, 9), number, np.float32) for number in range(2 * KEPT)]
    for _ in range(2):  # the second time in buffers of the first
        waiting = [Picture(matrix, UNSIGNED, {}, run.loop) for matrix in matrices]
        for matrix, picture in zip(matrices, waiting, strict=True):
            codes = View.read(picture).tensors["values"]
            assert (codes == encode(matrix, "unsigned", 16.0)).all()


def test_however_many_sizes_there_have_been_few_buffers_are_kept(run: Run) -> None:
    for units in range(1, 5 * KEPT):
        View.read(Picture(np.ones((units, 7)), UNSIGNED, {}, run.loop))
    assert len(pictures._buffers._kept) == KEPT
