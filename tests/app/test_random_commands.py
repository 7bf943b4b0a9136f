"""Random commands against a model: the engine itself, told the same by a few lines of its own."""

import os
import signal
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine import Dense, Phase, Samples, Sequential, TrainingLoop, load_mnist_bytes, optimizers
from tests.support.client import Visitor
from tests.support.server import Server, keep_untrained_network, running_server, wait_until
from tests.support.watcher import Watcher

SEED = 5
MAX_BATCHES = 400

RATES = st.sampled_from([0.0001, 0.001, 0.004, 0.02])
OPTIMIZERS = st.sampled_from(["sgd", "rmsprop", "adam"])
BATCH_SIZES = st.sampled_from([16, 50, 128])

Change = dict[str, Any]


@cache
def _samples() -> Samples:
    (images, labels), _ = load_mnist_bytes()
    return Samples(images, labels, scale=255)


class Model:
    """What a run should be: a loop, the log of changes, and how far it has been trained."""

    def __init__(self) -> None:
        self.log: list[tuple[int, Change]] = []
        self.losses: list[float] = []
        self.loop = self._fresh()
        self.discarded: tuple[list[tuple[int, Change]], int] | None = None

    def _fresh(self) -> TrainingLoop:
        # The small network that a test's visitor makes.
        layers = [Dense(16, activation="relu"), Dense(10, activation="softmax")]
        network = Sequential(layers, seed=SEED)
        network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
        return TrainingLoop(network, _samples(), batch_size=128)

    @property
    def in_batch(self) -> bool:
        return self.loop.next_phase is not Phase.DRAW

    @property
    def furthest(self) -> int:
        return len(self.losses)

    def settings(self) -> Change:
        config = self.loop.optimizer.config()
        return {
            "optimizer": config["name"],
            "learning_rate": config["learning_rate"],
            "batch_size": self.loop.batch_size,
        }

    def run_batch(self) -> None:
        self.loop.run_batch()
        self._arrived()

    def run_phase(self) -> None:
        self.loop.run_phase()
        if not self.in_batch:
            self._arrived()

    def _arrived(self) -> None:
        self.discarded = None
        batch = self.loop.batch
        loss = self.loop.last_loss
        assert loss is not None
        if batch > self.furthest:
            self.losses.append(loss)
        assert self.losses[batch - 1] == loss
        self._make_changes()

    def _make_changes(self) -> None:
        for batch, change in self.log:
            if batch == self.loop.batch:
                self._make(change)

    def _make(self, change: Change) -> None:
        loop = self.loop
        if "weight" in change:
            loop.set_parameter("layer1.weights", change["weight"], change["value"])
        now = self.settings()
        if change.get("optimizer", now["optimizer"]) != now["optimizer"]:
            rate = change.get("learning_rate", now["learning_rate"])
            loop.optimizer = optimizers.get({"name": change["optimizer"], "learning_rate": rate})
        elif "learning_rate" in change:
            config = {**loop.optimizer.config(), "learning_rate": change["learning_rate"]}
            loop.optimizer = optimizers.get(config)
        if "batch_size" in change:
            loop.batch_size = change["batch_size"]

    def change(self, change: Change) -> None:
        now = self.settings()
        if all(now.get(name) == value for name, value in change.items()):
            return
        self.discarded = None
        batch = self.loop.batch
        self.cut(batch)
        # The batch at hand is drawn: another size holds from the next one on.
        later = self.in_batch and "batch_size" in change
        self.log.append((batch + later, change))
        self._make(change)

    def cut(self, batch: int) -> None:
        if self.furthest > batch:
            self.log = [(at, change) for at, change in self.log if at <= batch]
            del self.losses[batch:]

    def go_to(self, batch: int) -> None:
        self.loop = self._fresh()
        self._make_changes()
        while self.loop.batch < batch:
            self.run_batch()

    def reset(self) -> None:
        kept = self.settings()
        edited = any("weight" in change for _, change in self.log)
        is_work = self.furthest > 0 or edited
        discarded = (self.log, self.furthest) if is_work else self.discarded
        self.log, self.losses = [], []
        self.loop = self._fresh()
        fresh = self.settings()
        different = {name: value for name, value in kept.items() if value != fresh[name]}
        if "optimizer" in different:
            different["learning_rate"] = kept["learning_rate"]
        if different:
            self.change(different)
        self.discarded = discarded

    def undo_reset(self) -> None:
        assert self.discarded is not None
        self.log, batches = self.discarded
        self.go_to(batches)

    def undo(self) -> None:
        self.log.pop()
        self.go_to(self.loop.batch)

    def can_undo(self) -> bool:
        at_end = self.loop.batch == self.furthest and not self.in_batch
        return bool(
            at_end
            and self.log
            and self.log[-1][0] == self.loop.batch
            and "weight" in self.log[-1][1]
        )


class Commands(RuleBasedStateMachine):
    """A run on a real server, and the model."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.visitor = Visitor(server.address)
        self.run = self.visitor.make_run(seed=SEED)
        self.model = Model()
        self.watcher = Watcher.of(self.run)

    def teardown(self) -> None:
        self.watcher.close()
        self.visitor.http.delete(self.run.path, headers=self.key)
        self.visitor.close()

    @property
    def key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.run.key}"}

    @property
    def has_room(self) -> bool:
        return self.model.loop.batch < MAX_BATCHES

    @precondition(lambda self: self.has_room)
    @rule(count=st.integers(1, 60))
    def step_batches(self, count: int) -> None:
        self.run.step(count)
        for _ in range(count):
            self.model.run_batch()

    @precondition(lambda self: self.has_room)
    @rule(count=st.integers(1, 7))
    def step_phases(self, count: int) -> None:
        self.run.step(count, "phase")
        for _ in range(count):
            self.model.run_phase()

    @precondition(lambda self: self.has_room)
    @rule(count=st.integers(1, 40))
    def play_and_pause(self, count: int) -> None:
        start = self.model.loop.batch
        self.run.command("play")
        self.run.until(lambda state: state["batch"] >= start + count, what="it to play")
        batch = self.run.command("pause")["batch"]
        while self.model.loop.batch < batch:
            self.model.run_batch()

    @rule(rate=RATES)
    def set_learning_rate(self, rate: float) -> None:
        self.run.command("set", learning_rate=rate)
        self.model.change({"learning_rate": rate})

    @rule(name=OPTIMIZERS)
    def set_optimizer(self, name: str) -> None:
        self.run.command("set", optimizer=name)
        self.model.change({"optimizer": name})

    @rule(size=BATCH_SIZES)
    def set_batch_size(self, size: int) -> None:
        self.run.command("set", batch_size=size)
        self.model.change({"batch_size": size})

    @precondition(lambda self: not self.model.in_batch)
    @rule(unit=st.integers(0, 15), value=st.floats(-1, 1, width=32))
    def set_weight(self, unit: int, value: float) -> None:
        self.run.command("set_weight", tensor="layer1.weights", index=[unit, 400], value=value)
        self.model.change({"weight": (unit, 400), "value": value})

    @precondition(lambda self: self.model.can_undo())
    @rule()
    def undo(self) -> None:
        self.run.command("undo")
        self.run.at_rest()
        self.model.undo()

    @rule(share=st.floats(0, 1))
    def seek(self, share: float) -> None:
        batch = round(share * self.model.furthest)
        self.run.command("seek", batch=batch)
        self.run.at_rest()
        self.model.go_to(batch)

    @rule()
    def reset(self) -> None:
        self.run.command("reset")
        self.model.reset()

    @precondition(lambda self: self.model.discarded is not None)
    @rule()
    def undo_reset(self) -> None:
        self.run.command("undo")
        self.run.at_rest()
        self.model.undo_reset()

    @rule(share=st.floats(0, 1), rate=RATES)
    def branch(self, share: float, rate: float) -> None:
        batch = round(share * self.model.furthest)
        old = self.run
        self.run = self.visitor.branch(old, batch, {"learning_rate": rate})
        assert self.run.at_rest()["branched_from"] == {"id": old.id, "batch": batch}
        self.model.cut(batch)
        self.model.log = [(at, change) for at, change in self.model.log if at <= batch]
        self.model.go_to(batch)
        self.model.discarded = None
        self.model.change({"learning_rate": rate})
        self.watcher.close()
        self.watcher = Watcher.of(self.run)
        self.visitor.http.delete(old.path, headers={"authorization": f"Bearer {old.key}"})

    @rule()
    def reconnect(self) -> None:
        series = self.watcher.series
        self.watcher.close()
        self.watcher = Watcher.of(self.run)
        self.watcher.series = series
        timeline = self.run.state()["timeline"]
        self.watcher.send(type="resume", from_batch=series.length + 1, timeline=timeline)

    @rule()
    def follow_a_recipe(self) -> None:
        recipe = self.run.recipe()
        again = self.visitor.make_run_of(recipe)
        again.command("seek", batch=self.model.furthest)
        assert again.at_rest()["batch"] == self.model.furthest
        assert again.series()["loss"] == self.model.losses
        self.visitor.http.delete(again.path, headers={"authorization": f"Bearer {again.key}"})

    @rule()
    def kill_its_worker(self) -> None:
        started = len(self.server.worker_pids)
        for pid in self.server.worker_pids[-2:]:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: len(self.server.worker_pids) == started + 2, what="the workers to start again"
        )
        self.model.discarded = None

    @invariant()
    def they_are_the_same(self) -> None:
        state = self.run.at_rest()
        model = self.model
        phase = model.loop.phase
        assert state["state"] == "paused", state["error"]
        assert (state["discarded"] is not None) == (model.discarded is not None)
        assert (state["batch"], state["furthest"]) == (model.loop.batch, model.furthest)
        assert state["phase"] == (phase.value if phase is not None else None)
        assert {name: state[name] for name in ("learning_rate", "batch_size")} | {
            "optimizer": state["optimizer"]["name"]
        } == model.settings()
        assert self.run.series()["loss"] == model.losses
        for name in ("layer1.weights", "layer2.bias"):
            assert self.run.tensor(name).tobytes() == model.loop.tensor(name).tobytes()
        for name in model.loop.optimizer.slots:
            tensor = f"layer1.weights.{name}"
            assert self.run.tensor(tensor).tobytes() == model.loop.tensor(tensor).tobytes()


def test_random_commands_do_what_the_model_does(tmp_path: Path) -> None:
    with running_server(keep_untrained_network(tmp_path)) as server:

        class OnThisServer(Commands):
            def __init__(self) -> None:
                super().__init__(server)

        run_state_machine_as_test(
            OnThisServer,
            settings=settings(
                max_examples=6,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
