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

# What is worth cutting in two: a handover takes some 5 µs, the sum 10. By inputs, where a layer is
# large and has so many, or by samples, where there are so many and an array of so many numbers.
LEAST_WEIGHTS = 50_000
LEAST_INPUTS = 128
LEAST_SAMPLES = 16
LEAST_ELEMENTS = 32_768
# The share of samples' inputs that is the first block's. Who computes it gathers the samples, too;
# of MNIST's inputs that are used it is 45 %, since more lie in the lower half of an image.
FIRST_BLOCK = 0.48
# Of about so many elements parameters, gradient, state and step fit into a core's cache together.
PIECE = 1 << 16
# How two shares of a sum are joined.
SUM_BY_SAMPLES = Cut((0, 0), 0)


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a function: its result goes to `out`, or is added to it.

    `needs` are the names of its arguments, of which it may read some only, `makes` that of its
    result; `cuts` are the ways to make it in blocks, `own_blocks` those of its layer.
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
        """The link's own, over `values`, which holds an array for every name."""
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
        """What makes it."""
        return _bound(self.function, self.arguments, self.out, adds=self.adds)


# An array that is another one in every batch.
Current: TypeAlias = Callable[[], Array]


def _bound(
    function: Callable[..., Array], arguments: Sequence[Any], out: Any, *, adds: bool
) -> Callable[[], object]:
    if any(map(callable, (*arguments, out))):
        return partial(_apply_current, function, arguments, out, adds=adds)
    if adds:
        return partial(_add_result, function, arguments, out)
    return partial(function, *arguments, out=out)  # no step of ours between it and the function


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


# Calls to be made one after the other.
Task: TypeAlias = Sequence[Callable[[], object]]
# Some of a stage's tasks in one, and of what follows on them.
Share: TypeAlias = tuple[Task, Task]


@dataclass(eq=False)
class Stage:
    """Tasks that need nothing of each other.

    then[i] follows on tasks[i] and needs no other task; it begins when the team's caller has done
    what is to be done `meanwhile`, of which no task may need anything. `shares` are every second
    task's calls, and the others'. `delivered` is the team's: the helper that has the second share,
    if one has, and the share's number, None if it can't be made there.
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
    """Whether products with a layer's weights are worth cutting, or picking its inputs for."""
    return units * inputs >= LEAST_WEIGHTS


def blocks(units: int, inputs: int, *, of_samples: bool) -> list[slice]:
    """The blocks of inputs in which a layer is computed, whoever computes them: two, or one.

    Those of the layer that reads the samples itself are not quite the same size.
    """
    if inputs < LEAST_INPUTS or not is_large(units, inputs):
        return [slice(0, inputs)]
    return halves(inputs, FIRST_BLOCK if of_samples else 1 / 2)


def parts(size: int, *, cut: bool) -> list[slice]:
    """0..size in halves, or in one piece."""
    return halves(size) if cut else [slice(0, size)]


def halves(size: int, first: float = 1 / 2) -> list[slice]:
    """0..size in two pieces, the first about such a share of it, and a multiple of eight long."""
    middle = int(size * first) // 8 * 8
    return [slice(0, middle), slice(middle, size)]


def pieces(part: slice) -> list[slice]:
    """The part in pieces of about the same size that are updated one after the other."""
    size = part.stop - part.start
    count = max(1, round(size / PIECE))
    ends = [part.start + size * number // count for number in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


@dataclass(frozen=True)
class Gathered:
    """Arrays of which a part is used, in blocks: by name, for each block what tells the part.

    `after` follows on those that have been computed, a task for each block.
    """

    arrays: Mapping[str, Sequence[Current]]
    after: Sequence[Task] = ()


def in_place(links: Sequence[Link], factors: Sequence[Factor]) -> dict[str, str]:
    """Values that may be computed in the array of what is made from them: each name, and the other.

    Each is the argument of a function that works in place, or the cotangent of one, and read by
    nothing else in the chain; who looks at it from outside would find the other.
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
    """Puts the calls of a batch into stages, which are taken from it a phase at a time, or at once.

    A new stage begins where a call needs what another task computes. Which calls are cut, and how,
    does not depend on when the stages are taken, so neither does any bit of what they compute.
    """

    def __init__(
        self, links: Sequence[Link], factors: Sequence[Factor], gathered: Gathered
    ) -> None:
        """For a batch of these links and factors; others can't be added."""
        self._gathered = gathered
        self._needed = {name for link in links for name in link.inputs}
        self._needed.update(name for factor in factors for name in factor.reads)
        # What tasks make: the axis along which it is cut, None for shares of a sum, and the blocks.
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
        """Append calls that make blocks of inputs of what such calls have made, a task for each."""
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
        """Append a forward pass over `values`, which holds an array for every name.

        `rooms` are for shares of a sum, by its name: of each that may be cut by inputs.
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

        `rooms` are for shares of a sum, by its name: of each that may be cut by samples.
        """
        for factor in factors:
            call = Call.backward(factor, values, gradients)
            self._add(call, rooms.get(call.makes, ()))

    def take(self) -> tuple[Stage, ...]:
        """The stages of all that has been added since they were taken last."""
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
        """The blocks in which a call is worth making, cut like this; none where it is not."""
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
            # To join the shares of a sum takes as long as the sum is large.
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
            # Else it waits, and is no reason for a stage of its own.
            cuts = [SUM_BY_SAMPLES] if makes in self._needed else []
            both = [makes, makes]
            self._add(Call(np.add, both, tuple(room), makes, call.out, [makes], cuts), ())
        if not cut.is_by_samples:
            self._add_waiting()

    def _block(self, name: str, array: Array, axis: int, number: int, block: slice) -> Any:
        """A block of an array, or what tells the part of it that is used."""
        if name in self._gathered.arrays:
            return self._gathered.arrays[name][number]
        return array[(slice(None),) * axis + (block,)]

    def _add_uncut(self, call: Call) -> None:
        self._cut.pop(call.makes, None)  # of a sum of shares
        if call.makes in self._needed:
            self._add_whole(call)
        else:
            # Until there are blocks of columns: beside them there is time for it.
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
    """Those of a layer, by its weights; what is no sum over inputs has none of its own."""
    if not any(cut.result is None for cut in link.function.cuts.get("forward", ())):
        return []
    units, inputs = values[link.inputs[1]].shape
    return blocks(units, inputs, of_samples=link.inputs[0] == X)
