"""The calls of a batch, bound to their arrays beforehand, in stages that a team can share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from engine.arrays import Array
from engine.chain import Factor, Link, gradient_name
from engine.functions.tensor_function import Cut

# What is worth cutting in two: a handover takes some 5 µs, the sum 10. By inputs, where a layer is
# large and has so many, or by samples, where there are so many and an array of so many numbers.
LEAST_WEIGHTS = 50_000
LEAST_INPUTS = 128
LEAST_SAMPLES = 16
LEAST_ELEMENTS = 32_768


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a function: its result goes to `out`, or is added to it."""

    function: Callable[..., Array]
    arguments: tuple[Array, ...]
    out: Array
    adds: bool = False

    def __call__(self) -> None:
        """Compute the result."""
        _apply(self.function, self.arguments, self.out, adds=self.adds)


# An array that is another one in every batch.
Current: TypeAlias = Callable[[], Array]


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """A call some of whose arrays are known only when it is made."""

    function: Callable[..., Array]
    arguments: tuple[Array | Current, ...]
    out: Array | Current
    adds: bool = False

    def __call__(self) -> None:
        """Compute the result."""
        arguments = [array() if callable(array) else array for array in self.arguments]
        out = self.out() if callable(self.out) else self.out
        _apply(self.function, arguments, out, adds=self.adds)


def _apply(
    function: Callable[..., Array], arguments: Sequence[Array], out: Array, *, adds: bool
) -> None:
    if adds:
        np.add(out, function(*arguments), out=out)
    else:
        function(*arguments, out=out)


def _bound(
    function: Callable[..., Array], arguments: tuple[Any, ...], out: Any, *, adds: bool
) -> Call | CurrentCall:
    kind = CurrentCall if any(map(callable, (*arguments, out))) else Call
    return kind(function, arguments, out, adds)


# Calls to be made one after the other.
Task: TypeAlias = Sequence[Callable[[], object]]


@dataclass(eq=False)
class Stage:
    """Tasks that need nothing of each other.

    `delivered` is the team's: the helper that has the stage's share, if one has, and the share's
    number, None if it can't be made there.
    """

    tasks: Sequence[Task]
    delivered: tuple[object, int | None] = field(default=(None, None), init=False, repr=False)


def is_large(units: int, inputs: int) -> bool:
    """Whether products with a layer's weights are worth cutting, or picking its inputs for."""
    return units * inputs >= LEAST_WEIGHTS


def blocks(units: int, inputs: int) -> list[slice]:
    """The blocks of inputs in which a layer is computed, whoever computes them: two, or one."""
    return parts(inputs, cut=inputs >= LEAST_INPUTS and is_large(units, inputs))


def parts(size: int, *, cut: bool) -> list[slice]:
    """0..size in halves, or in one piece."""
    return halves(size) if cut else [slice(0, size)]


def halves(size: int) -> list[slice]:
    """0..size in two pieces, the first a multiple of eight long."""
    middle = size // 16 * 8
    return [slice(0, middle), slice(middle, size)]


def calls(links: Iterable[Link], values: Mapping[str, Array]) -> list[Call]:
    """A forward pass over `values`, which holds an array for every name."""
    return [
        Call(link.function.forward, _arrays(values, link.inputs), values[link.output])
        for link in links
    ]


@dataclass(frozen=True)
class Gathered:
    """Arrays of which a part is used, in blocks: by name, for each block what tells the part.

    `before` fills those that are read, a task for each block; `after` follows on those that have
    been computed.
    """

    arrays: Mapping[str, Sequence[Current]]
    before: Sequence[Task] = ()
    after: Sequence[Task] = ()


NOTHING = Gathered({})
NO_ROOMS: Mapping[str, Sequence[Array]] = {}


def forward_stages(
    links: Sequence[Link],
    values: Mapping[str, Array],
    gathered: Gathered = NOTHING,
    rooms: Mapping[str, Sequence[Array]] = NO_ROOMS,
) -> tuple[Stage, ...]:
    """The stages of a forward pass over `values`, which holds an array for every name.

    `rooms` are for shares of a sum, by its name. Where there are none, the sum's own array is used,
    and that of the function after it, which is to be of the same shape: an activation's.
    """
    stages = _Stages(gathered)
    followers = [*links[1:], None]
    for link, call, following in zip(links, calls(links, values), followers, strict=True):
        cuts = link.function.cuts.get("forward", ())
        # What the next function computes is not there yet.
        follows = () if following is None else (values[following.output],)
        room = rooms.get(link.output, (call.out, *follows))
        stages.add(call, link.inputs, link.output, cuts, blocks_of(link, values), room)
    return stages.finished()


def backward_stages(
    factors: Sequence[Factor],
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    gathered: Gathered = NOTHING,
) -> tuple[Stage, ...]:
    """The stages of a gradient function over `values` and `gradients`."""
    stages = _Stages(gathered)
    needed = {gradient_name(factor.link.output) for factor in factors}
    for factor in factors:
        link, result = factor.link, gradient_name(factor.target)
        names = [gradient_name(link.output), link.output, *link.inputs]
        arguments = (gradients[names[0]], *_arrays(values, names[1:]))
        call = Call(factor.vjp, arguments, gradients[result], factor.adds)
        cuts, own_blocks = link.function.cuts.get(factor.argument, ()), blocks_of(link, values)
        stages.add(call, names, result, cuts, own_blocks, can_wait=result not in needed)
    return stages.finished()


def _arrays(values: Mapping[str, Array], names: Iterable[str]) -> tuple[Array, ...]:
    return tuple(values[name] for name in names)


def blocks_of(link: Link, values: Mapping[str, Array]) -> list[slice]:
    """Those of a layer, by its weights; what works element by element has none of its own."""
    if not link.function.cuts or len(link.inputs) == 1:
        return []
    return blocks(*values[link.inputs[1]].shape)


class _Stages:
    """Puts calls into stages: a new one begins where a call needs what another task computes."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._done: list[Stage] = []
        self._waiting: list[tuple[Call, Sequence[str], str]] = []
        self._begin(gathered.before)

    def _begin(self, tasks: Sequence[Task] = ()) -> None:
        self._tasks = [list(task) for task in tasks]  # one for each block
        # What they make: the axis along which it is cut, None for shares of a sum, and the blocks.
        self._made_in_tasks: dict[str, tuple[int | None, Sequence[slice]]] = {}
        self._whole: list[Call] = []
        self._made_whole: set[str] = set()

    def add(
        self,
        call: Call,
        needs: Sequence[str],
        makes: str,
        cuts: Sequence[Cut] = (),
        own_blocks: Sequence[slice] = (),
        room: Sequence[Array] = (),
        *,
        can_wait: bool = False,
    ) -> None:
        """Append a call that reads the values `needs` and computes `makes`.

        `room` is for the two shares of a sum. A call that nothing else needs `can_wait`
        until there are blocks of columns: beside them there is time for it.
        """
        for cut in cuts:
            where = self._where(cut, call, needs, makes, own_blocks)
            if where:
                self._add_cut(call, needs, makes, cut, where, room)
                return
        needs = (*needs, makes) if call.adds else needs
        if can_wait:
            self._waiting.append((call, needs, makes))
        else:
            self._add_whole(call, needs, makes)

    def finished(self) -> tuple[Stage, ...]:
        """All stages, in order."""
        self._add_waiting()
        self._close()
        return tuple(self._done)

    def _where(
        self, cut: Cut, call: Call, needs: Sequence[str], makes: str, own_blocks: Sequence[slice]
    ) -> Sequence[slice]:
        """The blocks in which a call is worth making, cut like this; none where it is not."""
        axis = 0 if cut.result == 0 else 1
        made = [self._made_in_tasks[name] for name in needs if name in self._made_in_tasks]
        joined = next((where for cut_along, where in made if cut_along == axis), ())
        if axis == 0:
            n = len(call.out)
            large = max(array.size for array in (call.out, *call.arguments)) >= LEAST_ELEMENTS
            return joined or (halves(n) if large and n >= LEAST_SAMPLES else ())
        where = own_blocks or joined
        gathered = not self._gathered.arrays.keys().isdisjoint((*needs, makes))
        return where if len(where) > 1 or gathered else ()

    def _add_cut(
        self,
        call: Call,
        needs: Sequence[str],
        makes: str,
        cut: Cut,
        where: Sequence[slice],
        room: Sequence[Array],
    ) -> None:
        axes = dict(zip(needs, cut.arguments, strict=True))
        if call.adds:
            axes[makes] = cut.result
        fits = all(
            axis is not None and self._made_in_tasks[name] == (axis, where)
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
                for name, array, axis in zip(needs, call.arguments, cut.arguments, strict=True)
            ]
            function, out = call.function, call.out
            if is_sum:
                out = room[number]
                function = cut.term if number > 0 and cut.term is not None else function
            elif cut.result is not None:
                out = self._block(makes, out, cut.result, number, block)
            self._tasks[number].append(_bound(function, tuple(arrays), out, adds=call.adds))
            if makes in self._gathered.arrays:
                self._tasks[number].extend(self._gathered.after[number])
        self._made_in_tasks[makes] = cut.result, where
        if is_sum:
            total = Call(np.add, tuple(room), call.out)
            self.add(total, [makes, makes], makes, [Cut((0, 0), 0)])
        if cut.result != 0:
            self._add_waiting()

    def _block(self, name: str, array: Array, axis: int, number: int, block: slice) -> Any:
        """A block of an array, or what tells the part of it that is used."""
        if name in self._gathered.arrays:
            return self._gathered.arrays[name][number]
        return array[(slice(None),) * axis + (block,)]

    def _add_waiting(self) -> None:
        while self._waiting:
            self._add_whole(*self._waiting.pop(0))

    def _add_whole(self, call: Call, needs: Sequence[str], makes: str) -> None:
        if not self._made_in_tasks.keys().isdisjoint(needs):
            self._close()
        self._whole.append(call)
        self._made_whole.add(makes)

    def _close(self) -> None:
        tasks: list[Task] = [*self._tasks, *([self._whole] if self._whole else [])]
        if tasks:
            self._done.append(Stage(tuple(tuple(task) for task in tasks)))
        self._begin()
