"""The calls of a batch, bound to their arrays beforehand, in stages that a team can share."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from engine.arrays import Array
from engine.chain import Factor, Link, gradient_name
from engine.compilation import X
from engine.functions.tensor_function import Cut

# What is worth cutting in two: a handover takes some 5 µs, the sum 10. By inputs: layers of at
# least so many weights and inputs. By samples: so many, with an array of so many elements.
LEAST_WEIGHTS = 50_000
LEAST_INPUTS = 128
LEAST_SAMPLES = 16
LEAST_ELEMENTS = 32_768
# The first block's share of the samples' inputs: below half, because the process that computes it
# also gathers the samples. Of MNIST's used inputs it is 45 %: more lie in an image's lower half.
FIRST_BLOCK = 0.48
# Parameters, gradient, state and step of about so many elements fit together into a core's cache.
PIECE = 1 << 16
# How adding two shares of a sum can be cut.
SUM_BY_SAMPLES = Cut((0, 0), 0)


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a function: its result goes to `out`, or is added to it.

    `needs` are the names of its arguments, `reads` of those that it reads, `makes` that of its
    result. `cuts` are the ways to do it in blocks, `own_blocks` the blocks of its layer.
    """

    function: Callable[..., Array]
    needs: Sequence[str]
    arguments: tuple[Array, ...]
    makes: str
    out: Array
    reads: Sequence[str]
    cuts: Sequence[Cut] = ()
    own_blocks: Sequence[slice] = ()
    adds: bool = False

    @classmethod
    def forward(cls, link: Link, values: Mapping[str, Array]) -> "Call":
        """The call of a link, over `values`, which has an array for every name."""
        return cls(
            link.function.forward,
            link.inputs,
            _arrays(values, link.inputs),
            link.output,
            values[link.output],
            link.inputs,
            link.function.cuts.get("forward", ()),
            blocks_of(link, values),
        )

    @classmethod
    def backward(
        cls, factor: Factor, values: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> "Call":
        """The factor's vector-Jacobian product, over `values` and `gradients`."""
        makes = gradient_name(factor.target)
        cotangent, *others = factor.needs
        return cls(
            factor.vjp,
            factor.needs,
            (gradients[cotangent], *_arrays(values, others)),
            makes,
            gradients[makes],
            (*factor.reads, makes) if factor.adds else factor.reads,
            factor.link.function.cuts.get(factor.argument, ()),
            blocks_of(factor.link, values),
            factor.adds,
        )

    def bound(self) -> Callable[[], object]:
        """The call as a function without arguments."""
        return _bound(self.function, self.arguments, self.out, adds=self.adds)


# Returns an array that differs from batch to batch.
Current: TypeAlias = Callable[[], Array]


def _bound(
    function: Callable[..., Array], arguments: Sequence[Any], out: Any, *, adds: bool
) -> Callable[[], object]:
    if any(map(callable, (*arguments, out))):
        return partial(_apply_current, function, arguments, out, adds=adds)
    if adds:
        return partial(_add_result, function, arguments, out)
    return partial(function, *arguments, out=out)  # called without a step of Python of our own


def _apply_current(
    function: Callable[..., Array],
    arguments: Sequence[Array | Current],
    out: Array | Current,
    *,
    adds: bool,
) -> None:
    arrays = [array() if callable(array) else array for array in arguments]
    result = out() if callable(out) else out
    if adds:
        _add_result(function, arrays, result)
    else:
        function(*arrays, out=result)


def _add_result(function: Callable[..., Array], arguments: Sequence[Array], out: Array) -> None:
    np.add(out, function(*arguments), out=out)


# Calls to be done one after the other.
Task: TypeAlias = Sequence[Callable[[], object]]
# The calls of some tasks of a stage, and of what follows on them (`then`).
Share: TypeAlias = tuple[Task, Task]


@dataclass(eq=False)
class Stage:
    """Tasks that need nothing of each other.

    then[i] follows on tasks[i] and needs no other task. It begins when the caller has done what
    `Team.run_with` is given as `meanwhile`, of which no task may need anything. `shares` are the
    calls of every second task, from the first and from the second on. `delivered` belongs to the
    team: the helper that has the second share, and its number there, None if it cannot run there.
    """

    tasks: Sequence[Task]
    then: Sequence[Task] = ()
    shares: tuple[Share, Share] = field(init=False, repr=False)
    delivered: tuple[object, int | None] = field(default=(None, None), init=False, repr=False)

    def __post_init__(self) -> None:
        first, second = (
            (_calls(self.tasks[number::2]), _calls(self.then[number::2])) for number in range(2)
        )
        self.shares = first, second


def _calls(tasks: Sequence[Task]) -> Task:
    return tuple(call for task in tasks for call in task)


def is_large(units: int, inputs: int) -> bool:
    """Whether it pays to cut products with a layer's weights, or to pick out its inputs."""
    return units * inputs >= LEAST_WEIGHTS


def blocks(units: int, inputs: int, *, of_samples: bool) -> list[slice]:
    """The blocks of inputs in which a layer is computed, by one process or two: two blocks, or one.

    The two blocks of the layer that reads the samples themselves differ a little in size.
    """
    if inputs < LEAST_INPUTS or not is_large(units, inputs):
        return [slice(0, inputs)]
    return halves(inputs, FIRST_BLOCK if of_samples else 1 / 2)


def parts(size: int, *, cut: bool) -> list[slice]:
    """0..size in halves, or in one piece."""
    return halves(size) if cut else [slice(0, size)]


def halves(size: int, first: float = 1 / 2) -> list[slice]:
    """0..size in two; the first is about the share `first` of it, and a multiple of eight long."""
    middle = int(size * first) // 8 * 8
    return [slice(0, middle), slice(middle, size)]


def pieces(part: slice) -> list[slice]:
    """The part in pieces of about equal size, to be updated one after the other."""
    size = part.stop - part.start
    count = max(1, round(size / PIECE))
    ends = [part.start + size * number // count for number in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


@dataclass(frozen=True)
class Gathered:
    """Arrays of which only a part is used: by name, for each block a call that returns the part.

    `after` has a task for each block, which follows once such an array has been computed.
    """

    arrays: Mapping[str, Sequence[Current]]
    after: Sequence[Task] = ()


def in_place(links: Sequence[Link], factors: Sequence[Factor]) -> dict[str, str]:
    """Values that may be computed in the array of the result made from them: {value: result}.

    Each is the argument or the cotangent of a function that works in place, and nothing else in
    the chain reads it. Anyone who reads it from outside would find the result in its place.
    """
    made = {link.output for link in links} | {gradient_name(factor.target) for factor in factors}
    read = Counter(name for link in links for name in link.inputs)
    read.update(name for factor in factors for name in factor.reads)
    pairs = [(link, link.inputs[0], link.output) for link in links]
    pairs += [(it.link, it.needs[0], gradient_name(it.target)) for it in factors if not it.adds]
    return {
        name: result
        for link, name, result in pairs
        if link.function.works_in_place and name in made and read[name] == 1
    }


NO_ROOMS: Mapping[str, Sequence[Array]] = {}


class Planner:
    """Puts the calls of a batch into stages; `take` them after each phase, or all at once.

    A new stage begins where a call needs what another task computes. Which calls are cut, and how,
    does not depend on when the stages are taken, so neither does any bit of the results.
    """

    def __init__(
        self, links: Sequence[Link], factors: Sequence[Factor], gathered: Gathered
    ) -> None:
        """Plan a batch of these links and factors; others cannot be added."""
        self._gathered = gathered
        self._needed = {name for link in links for name in link.inputs}
        self._needed.update(name for factor in factors for name in factor.reads)
        # For each result of tasks: the axis of the cut (None for shares of a sum), and the blocks.
        self._cut: dict[str, tuple[int | None, Sequence[slice]]] = {}
        self._done: list[Stage] = []
        self._waiting: list[Call] = []
        self._begin()

    def _begin(self) -> None:
        self._tasks: list[list[Callable[[], object]]] = []  # one for each block
        self._made_in_tasks: set[str] = set()
        self._whole: list[Callable[[], object]] = []
        self._made_whole: set[str] = set()

    def add_tasks(self, tasks: Sequence[Task], makes: str, where: Sequence[slice]) -> None:
        """Append a task for each block of inputs, which needs only earlier tasks of that block."""
        self._tasks = self._tasks or [[] for _ in where]
        for task, calls_of_block in zip(self._tasks, tasks, strict=True):
            task.extend(calls_of_block)
        self._made_in_tasks.add(makes)
        self._cut[makes] = 1, where

    def add_call(self, call: Callable[[], object], makes: str) -> None:
        """Append a call that needs nothing."""
        self._whole.append(call)
        self._made_whole.add(makes)

    def add_forward(
        self,
        links: Sequence[Link],
        values: Mapping[str, Array],
        rooms: Mapping[str, Sequence[Array]] = NO_ROOMS,
    ) -> None:
        """Append a forward pass over `values`, which has an array for every name.

        `rooms` has arrays for the shares of each sum that may be cut by inputs, by its name.
        """
        for link in links:
            self._add(Call.forward(link, values), rooms.get(link.output, ()))

    def add_backward(
        self,
        factors: Sequence[Factor],
        values: Mapping[str, Array],
        gradients: Mapping[str, Array],
        rooms: Mapping[str, Sequence[Array]],
    ) -> None:
        """Append a gradient function over `values` and `gradients`.

        `rooms` has arrays for the shares of each sum that may be cut by samples, by its name.
        """
        for factor in factors:
            call = Call.backward(factor, values, gradients)
            self._add(call, rooms.get(call.makes, ()))

    def take(self) -> tuple[Stage, ...]:
        """The stages of all calls that were added since the last `take`."""
        self._add_waiting()
        self._close()
        taken = tuple(self._done)
        self._done.clear()
        return taken

    def _add(self, call: Call, room: Sequence[Array]) -> None:
        for cut in call.cuts:
            where = self._where(cut, call)
            if where:
                self._add_cut(call, cut, where, room)
                return
        self._add_uncut(call)

    def _where(self, cut: Cut, call: Call) -> Sequence[slice]:
        """The blocks of a call that is cut like this; none if this cut does not pay."""
        axis = 0 if cut.is_by_samples else 1
        made = [self._cut[name] for name in call.needs if name in self._cut]
        joined = next((where for cut_along, where in made if cut_along == axis), ())
        if axis == 1:
            where = call.own_blocks or joined
            gathered = not self._gathered.arrays.keys().isdisjoint((*call.needs, call.makes))
            return where if len(where) > 1 or gathered else ()
        if cut.result == 0:
            if joined:
                return joined
            n, elements = len(call.out), max(array.size for array in (call.out, *call.arguments))
        else:
            along = zip(call.arguments, cut.arguments, strict=True)
            added = [array for array, cut_along in along if cut_along == 0]
            # The larger a sum is, the longer it takes to add its shares.
            n, elements = len(added[0]), max(array.size for array in added) - call.out.size
        is_worth = n >= LEAST_SAMPLES and elements >= LEAST_ELEMENTS
        return (joined or halves(n)) if is_worth else ()

    def _add_cut(self, call: Call, cut: Cut, where: Sequence[slice], room: Sequence[Array]) -> None:
        makes, needed = call.makes, zip(call.needs, cut.arguments, strict=True)
        axes = {name: axis for name, axis in (*needed, (makes, cut.result)) if name in call.reads}
        fits = all(
            axis is not None and self._cut[name] == (axis, where)
            for name, axis in axes.items()
            if name in self._made_in_tasks
        )
        if (
            len(self._tasks) not in (0, len(where))
            or not fits
            or not self._made_whole.isdisjoint(axes)
        ):
            self._close()
        self._tasks = self._tasks or [[] for _ in where]
        is_sum = cut.result is None and len(where) > 1
        for number, block in enumerate(where):
            arrays = [
                array if axis is None else self._block(name, array, axis, number, block)
                for name, array, axis in zip(call.needs, call.arguments, cut.arguments, strict=True)
            ]
            function, out = call.function, call.out
            if is_sum:
                out = room[number]
                function = cut.term if number > 0 and cut.term is not None else function
            elif cut.result is not None:
                out = self._block(makes, out, cut.result, number, block)
            self._tasks[number].append(_bound(function, arrays, out, adds=call.adds))
            if makes in self._gathered.arrays:
                self._tasks[number].extend(self._gathered.after[number])
        self._made_in_tasks.add(makes)
        self._cut[makes] = cut.result, where
        if is_sum:
            # A sum that nobody needs waits for later: it is no reason for a stage of its own.
            cuts = [SUM_BY_SAMPLES] if makes in self._needed else []
            both = [makes, makes]
            self._add(Call(np.add, both, tuple(room), makes, call.out, [makes], cuts), ())
        if not cut.is_by_samples:
            self._add_waiting()

    def _block(self, name: str, array: Array, axis: int, number: int, block: slice) -> Any:
        """A block of an array, or a call that returns the part of it that is used."""
        if name in self._gathered.arrays:
            return self._gathered.arrays[name][number]
        return array[(slice(None),) * axis + (block,)]

    def _add_uncut(self, call: Call) -> None:
        self._cut.pop(call.makes, None)  # it may be there as a sum of shares
        if call.makes in self._needed:
            self._add_whole(call)
        else:
            # It waits until there are blocks of columns: beside them there is time for it.
            self._waiting.append(call)

    def _add_waiting(self) -> None:
        while self._waiting:
            self._add_whole(self._waiting.pop(0))

    def _add_whole(self, call: Call) -> None:
        if not self._made_in_tasks.isdisjoint(call.reads):
            self._close()
        self.add_call(call.bound(), call.makes)

    def _close(self) -> None:
        tasks: list[Task] = [*self._tasks, *([self._whole] if self._whole else [])]
        if tasks:
            self._done.append(Stage(tuple(tuple(task) for task in tasks)))
        self._begin()


def _arrays(values: Mapping[str, Array], names: Iterable[str]) -> tuple[Array, ...]:
    return tuple(values[name] for name in names)


def blocks_of(link: Link, values: Mapping[str, Array]) -> list[slice]:
    """The blocks of inputs of a layer's link; [] for a function that is no sum over inputs."""
    if not any(cut.result is None for cut in link.function.cuts.get("forward", ())):
        return []
    units, inputs = values[link.inputs[1]].shape
    return blocks(units, inputs, of_samples=link.inputs[0] == X)
