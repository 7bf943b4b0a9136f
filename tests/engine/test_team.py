"""A team of threads: who does what, and what is the same however many there are."""

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.team
from engine import ConfigurationError, Dense, Samples, Sequential, TrainingLoop
from engine.optimizers import OPTIMIZERS
from engine.plan import Stage
from engine.team import Team


def names_of_threads(count: int, threads: int) -> list[str]:
    """Which thread made each of `count` tasks, when all threads have begun before one goes on."""
    names = [""] * count
    begun = threading.Barrier(min(threads, count))

    def note(task: int) -> Callable[[], None]:
        def call() -> None:
            if task < begun.parties:
                begun.wait()
            names[task] = threading.current_thread().name

        return call

    Team(threads).run([[(note(task),) for task in range(count)]])
    return names


def test_tasks_are_dealt_out_in_turn() -> None:
    here = threading.current_thread().name
    assert names_of_threads(5, 2) == [here, "engine-team", here, "engine-team", here]
    assert names_of_threads(3, 1) == [here] * 3
    assert names_of_threads(1, 4) == [here]


def test_a_stage_waits_for_the_one_before() -> None:
    made: list[int] = []
    first, second = ([(lambda i=i: made.append(i),) for i in part] for part in ((0, 1, 2), (3, 4)))
    Team(3).run([first, second])
    assert set(made[:3]) == {0, 1, 2}
    assert set(made[3:]) == {3, 4}


def test_what_no_helper_has_begun_the_caller_does_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.team, "_helpers", [])
    monkeypatch.setattr(engine.team._Helper, "_work", lambda self: None)
    made: list[int] = []
    stages = [[(lambda i=i: made.append(i),) for i in part] for part in ((0, 1, 2, 3), (4, 5))]
    Team(2).run(stages)
    assert made == [0, 2, 1, 3, 4, 5]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_reaches_the_caller_and_the_team_goes_on(failing: int) -> None:
    def fail() -> None:
        raise ArithmeticError

    done: list[int] = []
    stage: list[Stage] = [[(lambda: done.append(0),), (lambda: done.append(1),)]]
    stage[0] = [(fail,) if task == failing else calls for task, calls in enumerate(stage[0])]
    with pytest.raises(ArithmeticError):
        Team(2).run(stage)
    assert done == [1 - failing]
    assert len(set(names_of_threads(2, 2))) == 2


def test_ctrl_c_is_raised_when_the_helpers_have_finished() -> None:
    done: list[str] = []
    begun = threading.Event()

    def press_ctrl_c() -> None:
        begun.set()
        time.sleep(0.05)  # by then the caller waits for this thread
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        done.append("share")

    with pytest.raises(KeyboardInterrupt):
        Team(2).run([[(begun.wait,), (press_ctrl_c,)]])
    assert done == ["share"]
    assert len(set(names_of_threads(2, 2))) == 2


def test_two_teams_at_once_both_finish() -> None:
    inside = threading.Event()
    names: list[str] = []

    def other() -> None:
        inside.set()
        Team(2).run([[(lambda: names.append(threading.current_thread().name),)] * 4])

    def start_another() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    Team(2).run([[(start_another,), (inside.wait,)]])
    assert len(names) == 4
    assert "engine-team" not in names  # the helpers were taken


def loop_of(
    threads: int, *, inputs: int, units: tuple[int, ...], **options: object
) -> TrainingLoop:
    """A loop on 70 sparse samples, large enough to be shared."""
    generator = np.random.default_rng(inputs)
    density = float(str(options.get("density", 0.02)))
    x = generator.normal(size=(70, inputs)) * (generator.random((70, inputs)) < density)
    samples = Samples(x.astype(np.float32), generator.integers(0, 3, 70))
    layers = [*(Dense(n, "relu") for n in units), Dense(3, "softmax")]
    network = Sequential(layers, dtype=str(options.get("dtype", "float32")))
    network.compile(str(options.get("optimizer", "rmsprop")), metrics=["accuracy"])
    loop = TrainingLoop(network, samples, batch_size=32, threads=threads)
    loop._team.threads = threads  # however small the network is
    return loop


def fingerprint(loop: TrainingLoop) -> list[object]:
    """The bits of seven batches, the short last ones of two epochs among them."""
    figures: list[object] = []
    for _ in range(7):
        loop.run_batch()
        figures += [loop.last_loss, loop.last_accuracy, *loop.gradient_norms.values()]
        figures += [loop.tensor(name).tobytes() for name in loop.computed_tensor_names()]
    return figures


@settings(max_examples=25)
@given(
    inputs=st.integers(1, 400),
    units=st.lists(st.integers(1, 700), min_size=1, max_size=2).map(tuple),
    dtype=st.sampled_from(["float32", "float64"]),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    density=st.sampled_from([0.02, 0.5]),
)
def test_no_bit_depends_on_the_number_of_threads(
    inputs: int, units: tuple[int, ...], dtype: str, optimizer: str, density: float
) -> None:
    options = {"dtype": dtype, "optimizer": optimizer, "density": density}
    one, two, three = (
        fingerprint(loop_of(n, inputs=inputs, units=units, **options)) for n in (1, 2, 3)
    )
    assert one == two
    assert one == three


def test_threads_may_change_on_the_way() -> None:
    steady = loop_of(1, inputs=200, units=(600,))
    changing = loop_of(1, inputs=200, units=(600,))
    for threads in (1, 2, 3, 1, 2):
        changing.threads = threads
        assert changing.threads == threads
        assert changing.run_batch().loss == steady.run_batch().loss
    np.testing.assert_array_equal(changing.network.parameters.flat, steady.network.parameters.flat)
    with pytest.raises(ConfigurationError, match="expected the threads to be at least 1"):
        changing.threads = 0
