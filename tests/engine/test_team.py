"""A team: who makes which calls, and what is the same however many make them."""

import copy
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.evaluation
import engine.plan
import engine.shared_memory
import engine.shared_update
import engine.team
import engine.training
from engine import (
    ConfigurationError,
    Dense,
    Evaluation,
    HelperLostError,
    Samples,
    Sequential,
    TrainingLoop,
)
from engine.arrays import Array
from engine.optimizers import OPTIMIZERS
from engine.plan import Stage
from engine.planned_batch import PlannedBatch
from engine.shared_memory import SharedMemory
from engine.team import Team
from tests.support.calls import at_call
from tests.support.server import is_running, wait_until
from tests.support.shares import fail, note, note_time, press_ctrl_c, wait, wait_for_note

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def shared(*shape: int) -> Array:
    """Zeros in shared memory."""
    return SharedMemory().zeros(shape, np.int64)


def makers(count: int = 2, threads: int = 2) -> list[int]:
    """The process that makes each of `count` tasks."""
    made = shared(count)
    tasks = [[partial(note, made, number)] for number in range(count)]
    tasks[0].append(partial(wait, 0.02))  # time for the helper to begin
    Team(threads).run([Stage(tasks)])
    return [int(process) for process in made]


def ready_helper() -> int:
    """The helper process; it is waited for."""
    end = time.monotonic() + 10
    while (helper := makers()[1]) == os.getpid():
        assert time.monotonic() < end, "the helper does not get ready"
    return helper


@pytest.fixture
def helper() -> int:
    """The helper process, ready to help."""
    return ready_helper()


def test_every_second_task_is_the_helpers(helper: int) -> None:
    here = os.getpid()
    assert makers(5) == [here, helper, here, helper, here]
    assert makers(5, threads=1) == [here] * 5
    assert makers(1) == [here]


@pytest.mark.usefixtures("helper")
def test_a_stage_waits_for_the_one_before() -> None:
    times = shared(3, 2)
    stages = [
        Stage([[partial(wait, 0.02 * i), partial(note_time, times, stage, i)] for i in range(2)])
        for stage in range(3)
    ]
    Team(2).run(stages)
    assert (times[:-1].max(axis=1) < times[1:].min(axis=1)).all()


def test_what_the_helper_has_not_begun_the_caller_does_itself(helper: int) -> None:
    here = os.getpid()
    with stopped(helper):
        for _ in range(50):
            assert makers(4) == [here] * 4
    assert ready_helper() == helper


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """A time in which a process gets no core."""
    os.kill(process, signal.SIGSTOP)
    while " T " not in Path(f"/proc/{process}/stat").read_text():
        time.sleep(0.001)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.mark.usefixtures("helper")
def test_what_the_helper_cannot_see_the_caller_does_itself() -> None:
    own = np.zeros(2, np.int64)
    Team(2).run([Stage([[partial(note, own, number)] for number in range(2)])])
    assert own.tolist() == [os.getpid()] * 2


def test_what_cannot_be_pickled_the_caller_does_itself(helper: int) -> None:
    made = shared(2)
    for unpacked in (Unpacked(), lambda: None):
        made[:] = 0
        stage = Stage([[partial(note, made, 0)], [partial(note, made, 1), unpacked]])
        for _ in range(3):
            Team(2).run([stage])
            assert made.tolist() == [os.getpid()] * 2
    assert makers() == [os.getpid(), helper]


class Unpacked:
    """A call that can be pickled, but not unpickled."""

    def __call__(self) -> None:
        """Do nothing."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("not a number",)


def test_what_follows_needs_its_own_task_and_what_the_caller_does_meanwhile(helper: int) -> None:
    made = shared(5)
    stage = Stage(
        # The helper's task ends once the caller's second has begun, and the caller's second once
        # the helper's has: neither could wait for all of the first ones.
        [[partial(note, made, 0)], [partial(wait_for_note, made, 2)]],
        then=[
            [partial(note, made, 2), partial(wait_for_note, made, 3)],
            [partial(note, made, 3), partial(wait_for_note, made, 2)],
        ],
    )
    order: list[list[int]] = []

    def meanwhile() -> None:
        time.sleep(0.02)
        order.append(made.tolist())
        note(made, 4)

    for _ in range(20):
        made[:] = 0
        order.clear()
        Team(2).run_with(stage, meanwhile)
        assert order == [[0] * 5]
        assert made.tolist() == [os.getpid(), 0, os.getpid(), helper, os.getpid()]


def test_the_word_to_go_on_is_for_who_has_something_to_go_on_with(helper: int) -> None:
    made = shared(2)
    Team(2).run_with(Stage([[], []], then=[[partial(wait, 0)]]), partial(wait, 0))
    stage = Stage([[], [partial(note, made, 0)]], then=[[], [partial(note, made, 1)]])

    def look() -> None:
        wait_for_note(made, 0)
        time.sleep(0.005)
        assert made.tolist() == [helper, 0]

    Team(2).run_with(stage, look)
    assert made.tolist() == [helper, helper]


@pytest.mark.parametrize("why", ["one thread", "not shared", "stopped"])
def test_where_the_caller_makes_what_follows_too(helper: int, why: str) -> None:
    times = np.zeros((3, 2), np.int64) if why == "not shared" else shared(3, 2)
    first, second = (
        [[partial(note_time, times, stage, number)] for number in range(2)] for stage in (0, 2)
    )
    stage = Stage(first, then=second)
    ready_helper()
    with stopped(helper) if why == "stopped" else nullcontext():
        for _ in range(20):
            times[:] = 0
            Team(1 if why == "one thread" else 2).run_with(stage, partial(note_time, times, 1, 0))
            assert times[0, 0] < times[2, 0]
            assert times[0, 1] < times[2, 1]
            assert 0 < times[1, 0] < times[2].min()
    assert ready_helper() == helper


@pytest.mark.parametrize("second", [False, True])
def test_an_error_before_or_after_the_word_to_go_on(helper: int, second: bool) -> None:
    made = shared(4)
    tasks: list[list[Callable[[], None]]] = [[], [partial(note, made, 0)]]
    then: list[list[Callable[[], None]]] = [[partial(wait, 0.01)], [partial(note, made, 1)]]
    (then if second else tasks)[1].append(fail)
    for _ in range(10):
        made[:] = 0
        with pytest.raises(ArithmeticError, match="expected a number"):
            Team(2).run_with(Stage(tasks, then=then), partial(wait, 0.01))
        assert made.tolist() == [helper, helper if second else 0, 0, 0]
        # The word that was for this one is not taken for the next one's.
        following = Stage([[], [partial(note, made, 2)]], then=[[], [partial(note, made, 3)]])

        def look() -> None:
            wait_for_note(made, 2)
            time.sleep(0.005)
            assert made[3] == 0

        Team(2).run_with(following, look)
        assert made[2:].tolist() == [helper, helper]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_reaches_the_caller_and_the_team_goes_on(helper: int, failing: int) -> None:
    made = shared(2)
    tasks: list[list[Callable[[], None]]] = [[partial(note, made, i)] for i in range(2)]
    tasks[failing] = [fail]
    tasks[0].insert(0, partial(wait, 0.02))
    with pytest.raises(ArithmeticError, match="expected a number"):
        Team(2).run([Stage(tasks)])
    assert made[1 - failing] == (os.getpid(), helper)[1 - failing]
    # Where the caller fails it is not waited for: another one takes its place.
    assert (ready_helper() == helper) == (failing == 1)


def test_ctrl_c_ends_the_helper_amid_its_calls(helper: int) -> None:
    made = shared(2)
    theirs: list[Callable[[], None]] = [partial(note, made, 0), press_ctrl_c, partial(wait, 60)]
    stage = Stage([[partial(wait_for_note, made, 0), partial(wait, 60)], theirs])
    with pytest.raises(KeyboardInterrupt):
        Team(2).run([stage])
    assert not is_running(helper)
    assert ready_helper() != helper


def test_an_interrupt_at_any_moment_leaves_nothing_behind() -> None:
    for moment in itertools.count(0, 11):
        ready_helper()
        times = shared(4, 2)
        first, *others = (
            [[partial(wait, 0.001 * i), partial(note_time, times, n, i)] for i in range(2)]
            for n in range(4)
        )
        stages = [Stage(first, then=others[0]), *map(Stage, others[1:])]
        with suppress(KeyboardInterrupt), interrupted_at(moment) as reached:
            next(run_apart(stages))
        times[:] = 0
        Team(2).run(stages)
        assert (times[0] < times[1]).all(), moment
        assert (times[1:-1].max(axis=1) < times[2:].min(axis=1)).all(), moment
        if not reached:
            return


def run_apart(stages: list[Stage]) -> Iterator[None]:
    """Run them where an exception that is being handled stays, should a trace function end that.

    CPython would leave it with the thread: it would be the context of all errors that follow.
    """
    Team(2).run(stages)
    yield


@contextmanager
def interrupted_at(moment: int) -> Iterator[list[int]]:
    """Ctrl-C after so many instructions of the team's; the list is not empty once it came."""
    reached: list[int] = []
    count = itertools.count()

    def trace(frame: FrameType, event: str, _argument: object) -> "TraceFunction | None":
        if frame.f_code.co_filename != engine.team.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(count) == moment:
            reached.append(moment)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield reached
    finally:
        sys.settrace(before)


def test_a_helper_that_ends_amid_its_calls(helper: int) -> None:
    made = shared(1)

    def end_helper() -> None:
        wait_for_note(made, 0)
        os.kill(helper, signal.SIGKILL)

    stage = Stage([(end_helper,), (partial(note, made, 0), partial(wait, 60))])
    with pytest.raises(HelperLostError, match="expected the helper process to make its calls"):
        Team(2).run([stage])
    assert ready_helper() != helper


def test_a_helper_that_ends_between_its_calls_is_replaced(helper: int) -> None:
    end_process(helper)
    assert makers(4) == [os.getpid()] * 4
    assert ready_helper() != helper


@pytest.mark.parametrize(
    ("program", "error"), [("/nowhere/python", FileNotFoundError), ("/bin/false", HelperLostError)]
)
def test_where_no_helper_can_be_started(
    monkeypatch: pytest.MonkeyPatch, program: str, error: type[Exception]
) -> None:
    failures: list[BaseException] = []
    monkeypatch.setattr(engine.team, "_helpers", [])
    monkeypatch.setattr(engine.team, "_failures", failures)
    monkeypatch.setattr(sys, "executable", program)
    for _ in range(10):
        assert makers() == [os.getpid()] * 2
        time.sleep(0.05)
    assert {type(failure) for failure in failures} == {error}
    assert len(failures) == engine.team.ATTEMPTS
    assert not engine.team._helpers


def test_two_teams_at_once_both_finish(helper: int) -> None:
    made = shared(1)
    others: list[int] = []

    def start_another() -> None:
        thread = threading.Thread(target=lambda: others.extend(makers(4)))
        thread.start()
        thread.join()

    Team(2).run([Stage([(start_another,), (partial(note, made, 0),)])])
    assert others == [os.getpid()] * 4  # the helper was taken
    assert made.tolist() == [helper]


def test_the_helper_keeps_no_memory_that_nobody_uses(helper: int) -> None:
    for _ in range(20):
        makers()
    mapped = Path(f"/proc/{helper}/maps").read_text().count("memfd:engine")
    assert mapped < 8


def in_new_process(code: str) -> int:
    """Run a program that begins with a ready helper; returns what it printed, a process."""
    program = f"from tests.engine.test_team import *\nhelper = ready_helper()\n{code}"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert not ran.stderr
    return int(ran.stdout)


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_helper_ends_with_the_process_it_helps(end: str) -> None:
    helper = in_new_process(f"print(helper, flush=True)\n{end}")
    wait_until(lambda: not is_running(helper), within=5, what="the helper to end")


def test_a_forked_process_leaves_its_parents_helper_alone() -> None:
    in_new_process(
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(0 if ready_helper() != helper else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert ready_helper() == helper\n"
        "print(helper)"
    )


def test_a_forked_process_trains_a_network_of_its_own() -> None:
    in_new_process(
        "loop = loop_of(2, inputs=200, units=(600,))\n"
        "loop.run_batch()\n"
        "before = loop.network.parameters.flat.copy()\n"
        "state = loop.network.optimizer_state.slots['v'].copy()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    loop.network.fit(loop.samples.x, loop.samples.y, verbose=0)\n"
        "    os._exit(int((loop.network.parameters.flat == before).all()))\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    with pytest.raises(ConfigurationError, match='from before the fork'):\n"
        "        loop.run_batch()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert (loop.network.parameters.flat == before).all()\n"
        "assert (loop.network.optimizer_state.slots['v'] == state).all()\n"
        "print(helper)"
    )


def end_process(process: int) -> None:
    """Kill it, and wait until it has ended."""
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not is_running(process), what="its end")


def test_where_the_system_has_no_memory_without_a_file(
    helper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert makers() == [os.getpid(), helper]


@pytest.fixture
def everything_is_shared(helper: int) -> Iterator[list[int]]:
    """However small a network is; yields a list that grows with all that is handed over."""
    given: list[int] = []
    give = engine.team._Helper.give

    def noted(helper: engine.team._Helper, stage: Stage) -> bool:
        if give(helper, stage):
            given.append(1)
            return True
        return False

    with pytest.MonkeyPatch.context() as patch:
        for module in (
            engine.shared_memory,
            engine.training,
            engine.shared_update,
            engine.evaluation,
        ):
            patch.setattr(module, "SHARED_FROM", 0)
        patch.setattr(engine.plan, "LEAST_ELEMENTS", 0)
        patch.setattr(engine.team._Helper, "give", noted)
        yield given


def loop_of(
    threads: int, *, inputs: int, units: tuple[int, ...], **options: object
) -> TrainingLoop:
    """A loop on 70 sparse samples."""
    generator = np.random.default_rng(inputs)
    density = float(str(options.get("density", 0.02)))
    x = generator.normal(size=(70, inputs)) * (generator.random((70, inputs)) < density)
    samples = Samples(x.astype(np.float32), generator.integers(0, 3, 70))
    layers = [*(Dense(n, "relu") for n in units), Dense(3, "softmax")]
    network = Sequential(layers, dtype=str(options.get("dtype", "float32")))
    network.compile(str(options.get("optimizer", "rmsprop")), metrics=["accuracy"])
    return TrainingLoop(network, samples, batch_size=32, threads=threads)


def fingerprint(loop: TrainingLoop, *, by_phase: bool = False) -> list[object]:
    """The bits of seven batches, the short last ones of two epochs among them."""
    figures: list[object] = []
    for _ in range(7):
        if by_phase:
            for _ in range(5):
                loop.run_phase()
        else:
            loop.run_batch()
        figures += [loop.last_loss, loop.last_accuracy, *loop.gradient_norms.values()]
        figures += [loop.tensor(name).tobytes() for name in loop.computed_tensor_names()]
    return figures


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    inputs=st.integers(1, 400),
    units=st.lists(st.integers(1, 700), min_size=1, max_size=2).map(tuple),
    dtype=st.sampled_from(["float32", "float64"]),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    density=st.sampled_from([0.02, 0.5]),
)
def test_no_bit_depends_on_the_number_of_threads_or_on_pauses(
    everything_is_shared: list[int],
    inputs: int,
    units: tuple[int, ...],
    dtype: str,
    optimizer: str,
    density: float,
) -> None:
    options = {"dtype": dtype, "optimizer": optimizer, "density": density}
    one = fingerprint(loop_of(1, inputs=inputs, units=units, **options))
    stepped = loop_of(1, inputs=inputs, units=units, **options)
    assert fingerprint(stepped, by_phase=True) == one
    for threads in (2, 3):
        everything_is_shared.clear()
        assert fingerprint(loop_of(threads, inputs=inputs, units=units, **options)) == one
        assert everything_is_shared


def test_threads_may_change_on_the_way(everything_is_shared: list[int]) -> None:
    steady = loop_of(1, inputs=200, units=(600,))
    changing = loop_of(1, inputs=200, units=(600,))
    for threads in (1, 2, 3, 1, 2):
        changing.threads = threads
        assert changing.threads == threads
        everything_is_shared.clear()
        assert changing.run_batch().loss == steady.run_batch().loss
        assert bool(everything_is_shared) == (threads > 1)
    np.testing.assert_array_equal(changing.network.parameters.flat, steady.network.parameters.flat)
    with pytest.raises(ConfigurationError, match="expected the threads to be at least 1"):
        changing.threads = 0


def test_a_restored_state_and_another_optimizer_are_the_helpers_too(
    everything_is_shared: list[int],
) -> None:
    loops = [loop_of(threads, inputs=200, units=(600,)) for threads in (1, 2)]
    for loop in loops:
        loop.run_batch()
        state = loop.state()
        loop.optimizer = "adam"
        loop.run_batch()
        loop.learning_rate = 0.01
        loop.run_batch()
        loop.restore(state)
        everything_is_shared.clear()
        loop.run_batch()
    assert len(everything_is_shared) >= 4  # forward, what lies between, backward and update
    flats = [loop.network.parameters.flat for loop in loops]
    assert flats[0].tobytes() == flats[1].tobytes()


def losses_of_held(loop: TrainingLoop) -> list[float]:
    """Of seventeen batches of four samples, the first layer's weights held in between."""
    loop.batch_size = 4
    losses: list[float] = []
    loop.run_batches(17, lambda trace: losses.append(trace.loss))
    return losses


def test_of_what_is_held_from_batch_to_batch_too(everything_is_shared: list[int]) -> None:
    one, other = (loop_of(threads, inputs=200, units=(600,)) for threads in (1, 2))
    expected = losses_of_held(one)
    assert not everything_is_shared
    assert losses_of_held(other) == expected
    assert len(everything_is_shared) > 2 * 17  # of each batch the link, and the other updates
    assert one.network.parameters.flat.tobytes() == other.network.parameters.flat.tobytes()


def test_a_helper_that_ends_amid_what_is_held_takes_nothing_with_it(
    everything_is_shared: list[int], helper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (loop_of(threads, inputs=200, units=(600,)) for threads in (1, 2))
    expected = losses_of_held(one)
    at_call(monkeypatch, PlannedBatch, "take", 9, partial(end_process, helper))
    assert losses_of_held(other) == expected
    assert everything_is_shared
    assert ready_helper() != helper
    assert one.network.parameters.flat.tobytes() == other.network.parameters.flat.tobytes()


def test_of_an_evaluation_too(everything_is_shared: list[int]) -> None:
    loop = loop_of(1, inputs=200, units=(600,))
    found = []
    for threads in (1, 2):
        everything_is_shared.clear()
        evaluation = Evaluation(loop, loop.samples, 20)
        found.append((evaluation.run(threads), evaluation.predicted.tolist()))
        assert bool(everything_is_shared) == (threads > 1)
    assert found[0] == found[1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_loop_refuses_to_be_copied(copied: Callable[[object], object]) -> None:
    loop = loop_of(2, inputs=200, units=(600,))
    loop.run_batch()
    with pytest.raises(TypeError, match="make a new TrainingLoop"):
        copied(loop)


@pytest.mark.usefixtures("everything_is_shared")
def test_a_copied_network_trains_on() -> None:
    loop = loop_of(2, inputs=200, units=(600,))
    copied = TrainingLoop(copy.deepcopy(loop.network), loop.samples, batch_size=32, threads=2)
    for _ in range(3):
        assert copied.run_batch().loss == loop.run_batch().loss
