"""Evaluation in chunks."""

import numpy as np
import pytest

from engine import (
    ConfigurationError,
    Dense,
    Evaluation,
    LabelError,
    NotComputedError,
    Samples,
    Sequential,
)
from engine.arrays import Array
from engine.shared_memory import SHARED_FROM
from tests.engine.builders import small_loop, small_network


@pytest.mark.parametrize("chunk", [1, 7, 50, 500])
def test_the_result_is_the_mean_over_all_samples(points: tuple[Array, Array], chunk: int) -> None:
    x, y = points
    network = small_network(dtype="float64")
    network.build(6)
    evaluation = Evaluation(network, Samples(x, y), chunk)
    steps = 0
    while not evaluation.done:
        evaluation.advance()
        steps += 1
    assert steps == -(-50 // chunk)
    p = network.predict(x)
    loss, accuracy = evaluation.result
    assert loss == pytest.approx(-np.log(p[np.arange(50), y]).mean())
    assert accuracy == np.mean(p.argmax(axis=1) == y)


def test_it_keeps_the_parameters_it_began_with(samples: Samples) -> None:
    loop = small_loop(samples)
    expected = Evaluation(loop, samples).run()
    evaluation = Evaluation(loop, samples, chunk=20)
    while not evaluation.done:
        evaluation.advance()
        loop.run_batch()
    assert evaluation.result == pytest.approx(expected)
    assert evaluation.batch == 0
    assert Evaluation(loop, samples).batch == loop.batch == 3


@pytest.mark.parametrize("chunk", [1, 2, 7, 50])
def test_no_bit_depends_on_the_number_of_threads(chunk: int) -> None:
    # As large as what is shared; of 50 samples, 7 at a time, the last chunk has one.
    network = Sequential([Dense(SHARED_FROM // 100, activation="relu"), Dense(3, "softmax")])
    network.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(50, 100)).astype(np.float32), generator.integers(0, 3, 50)
    found = []
    for threads in (1, 2, 3):
        evaluation = Evaluation(network, Samples(x, y), chunk)
        found.append((evaluation.run(threads), evaluation.predicted, evaluation.confidence))
    alone, *others = found
    for result, predicted, confidence in others:
        assert result == alone[0]
        assert (predicted == alone[1]).all()
        assert (confidence == alone[2]).all()
    p = network.predict(x)
    assert alone[0] == pytest.approx((-np.log(p[range(50), y]).mean(), (p.argmax(1) == y).mean()))


def test_it_goes_on_after_a_rest(samples: Samples) -> None:
    loop = small_loop(samples)
    evaluation = Evaluation(loop, samples, chunk=20)
    while not evaluation.done:
        evaluation.advance()
        evaluation.rest()
        loop.run_batch()
    loop.restore(small_loop(samples).state())
    assert evaluation.result == Evaluation(loop, samples, chunk=20).run()


def test_nothing_happens_at_the_end(samples: Samples) -> None:
    evaluation = Evaluation(small_loop(samples), samples)
    result = evaluation.run()
    evaluation.advance()
    assert evaluation.result == result
    assert (evaluation.position, len(evaluation)) == (50, 50)


def test_a_result_asked_for_too_early(samples: Samples) -> None:
    evaluation = Evaluation(small_loop(samples), samples, chunk=20)
    evaluation.advance()
    with pytest.raises(NotComputedError, match=r"expected all 50 samples .* got 20; call advance"):
        _ = evaluation.result


def test_without_the_metric_there_is_no_accuracy(samples: Samples) -> None:
    network = small_network(metrics=())
    _, accuracy = Evaluation(network, samples).run()
    assert accuracy is None


def test_impossible_chunks_and_labels(points: tuple[Array, Array], samples: Samples) -> None:
    network = small_network()
    with pytest.raises(ConfigurationError, match="expected the chunk to be at least 1"):
        Evaluation(network, samples, 0)
    with pytest.raises(LabelError, match="expected labels from 0 to 2, got 10"):
        Evaluation(network, Samples(points[0], points[1] + 10))
    with pytest.raises(ConfigurationError, match="expected the threads to be at least 1, got 0"):
        Evaluation(network, samples).advance(0)
