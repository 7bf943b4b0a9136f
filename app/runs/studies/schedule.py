"""Decides which study is made next, and keeps the results of the last ones."""

import math
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.plain_json import json_text
from app.runs.network import DataSet
from app.runs.studies.curve import CurveStudy
from app.runs.studies.derivative import DerivativeStudy, has_weight
from app.runs.studies.exciters import ExcitersStudy, has_unit
from app.runs.studies.health import HealthStudy
from app.runs.studies.study import Study
from app.runs.view_parts import Tensors, ViewParts, name_parts
from engine import Phase, TrainingLoop

# A study that nobody has looked at for this long is not made again.
FORGOTTEN_AFTER_S = 2.0
# While the run trains, each study is begun at most this often.
EVERY_S = 1.0

# Studies that also depend on the learning rate.
OF_THE_LEARNING_RATE = {"curve"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How to make a study from the loop, the data and the numbers of its name.

    `exists` says, by loop and numbers, whether the network has what these name. A study that
    `needs_gradient` has nothing to study before the batch at hand has a gradient.
    """

    make: Callable[..., Study]
    numbers: int = 0
    exists: Callable[..., bool] = lambda _: True
    needs_gradient: bool = True


# By the first word of their names; the numbers follow: "exciters/137".
KINDS = {
    "curve": Kind(CurveStudy),
    "health": Kind(HealthStudy),
    "exciters": Kind(ExcitersStudy, 1, has_unit, needs_gradient=False),
    "derivative": Kind(DerivativeStudy, 3, has_weight),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment that a study shows; equal moments have equal results."""

    timeline: int
    batch: int
    phase: Phase | None
    changes: int
    learning_rate: float

    def matters_to(self, name: str, other: "Moment") -> bool:
        """Whether the study of that name would have another result at the other moment."""
        if name in OF_THE_LEARNING_RATE:
            return self != other
        return self != replace(other, learning_rate=self.learning_rate)


@dataclass(frozen=True, slots=True)
class Result:
    """What a study found, at which moment, and the run's version when it became known."""

    moment: Moment
    version: int
    tensors: Tensors
    metadata: dict[str, str]


def is_study(name: str) -> bool:
    """Whether this is the well-formed name of a study."""
    word, numbers = name_parts(name)
    return word in KINDS and len(numbers) == KINDS[word].numbers


def has_study(loop: TrainingLoop, name: str) -> bool:
    """Whether it names a study of something that this loop's network has."""
    word, numbers = name_parts(name)
    return is_study(name) and KINDS[word].exists(loop, *numbers)


class Studies:
    """The studies of one run. Each shows one moment, and works on copies of what it needs.

    At rest each wanted study is made once; while the run trains, now and then.
    """

    def __init__(self, data: DataSet, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._wanted_at = 0.0
        self._results: dict[str, Result] = {}
        self._begun: dict[str, float] = {}
        self._under_way: tuple[str, Moment, Study] | None = None

    def want(self, names: Iterable[str], loop: TrainingLoop) -> None:
        """Note which existing studies are looked at now; the results of others are dropped."""
        self._wanted = {name for name in names if has_study(loop, name)}
        self._wanted_at = self._clock()
        self._forget_others()

    def ask(self, name: str) -> None:
        """Have a study made once, even if nobody looks at it; its result stays for a while."""
        self._asked.add(name)
        self._forget_others()

    def _forget_others(self) -> None:
        long_ago = self._clock() - EVERY_S
        for name in self._results.keys() - self._wanted - self._asked:
            del self._results[name]
        for name in self._begun.keys() - self._wanted - self._asked:
            if self._begun[name] <= long_ago:
                del self._begun[name]

    def still_wanted(self) -> None:
        """Note that the viewers who want studies are still waiting."""
        self._wanted_at = self._clock()

    def result(self, name: str) -> Result | None:
        """The last result of a study, which may be of an earlier moment."""
        return self._results.get(name)

    def knows(self, name: str, moment: Moment) -> bool:
        """Whether the last result of a study still holds at this moment."""
        result = self._results.get(name)
        return result is not None and not result.moment.matters_to(name, moment)

    def has_work(self, moment: Moment, *, training: bool) -> bool:
        """Whether `advance` has anything to do."""
        return self._under_way is not None or self._next(moment, training=training) is not None

    def advance(self, loop: TrainingLoop, moment: Moment, version: int, *, training: bool) -> bool:
        """Do a piece of a study; True if that completes one, whose result is then of `version`.

        If a study raises, that is written to the log; it has found nothing, and is not tried again
        at that moment.
        """
        name = self._under_way[0] if self._under_way else self._next(moment, training=training)
        if name is None:
            return False
        try:
            if self._under_way is None:
                self._begun[name] = self._clock()
                study = self._begin(name, loop)
            else:
                _, moment, study = self._under_way
            if study is not None:
                study.advance()
                if not study.done:
                    self._under_way = (name, moment, study)
                    return False
            result = Result(moment, version, *_found(study, moment))
        except Exception as error:  # noqa: BLE001 - who only looks stops no run
            traceback.print_exception(error)
            result = Result(moment, version, {}, {})
        self._under_way = None
        self._results[name] = result
        self._asked.discard(name)
        return True

    def _begin(self, name: str, loop: TrainingLoop) -> Study | None:
        """The study of that name; None if the moment has nothing to study."""
        word, numbers = name_parts(name)
        kind = KINDS[word]
        if kind.needs_gradient and not loop.has_gradient:
            return None
        return kind.make(loop, self._data, *numbers)

    def _next(self, moment: Moment, *, training: bool) -> str | None:
        now = self._clock()
        looked_at = self._wanted if now - self._wanted_at < FORGOTTEN_AFTER_S else set()
        begun = {name: self._begun.get(name, -math.inf) for name in self._asked | looked_at}
        due = [
            name
            for name in sorted(begun)
            if not self.knows(name, moment) and not (training and now - begun[name] < EVERY_S)
        ]
        # In turn: otherwise a study that takes longer than EVERY_S would keep the others waiting.
        return min(due, key=begun.__getitem__, default=None)


def _found(study: Study | None, moment: Moment) -> ViewParts:
    """The tensors of a study that is done, and its metadata."""
    if study is None:
        return {}, {}
    tensors, about = study.found()
    metadata = {key: json_text(value) for key, value in about.items()}
    return tensors, metadata | {
        "study.batch": str(moment.batch),
        "study.phase": moment.phase or "",
    }
