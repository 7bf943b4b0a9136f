"""The calls of a batch, bound to their arrays beforehand, in stages that a team can share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.arrays import Array
from engine.chain import Factor, Link, gradient_name
from engine.functions.tensor_function import Columns

# Units of a block. Products are always cut into the same blocks, whoever computes them: what a
# library's kernel does at the edge of a matrix must not depend on the number of threads.
BLOCK = 256
# The first block is the caller's, who begins 20 µs before a helper is awake, and had better not be
# done first: to be woken by the helper takes as long again.
FIRST_BLOCK = 288
LEAST_BLOCK = 192


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a function: its result goes to `out`, or is added to it."""

    function: Callable[..., Array]
    arguments: tuple[Array, ...]
    out: Array
    adds: bool = False

    def __call__(self) -> None:
        """Compute the result."""
        if self.adds:
            np.add(self.out, self.function(*self.arguments), out=self.out)
        else:
            self.function(*self.arguments, out=self.out)


# Calls to be made one after the other, and tasks that need nothing of each other.
Task: TypeAlias = Sequence[Callable[[], object]]
Stage: TypeAlias = Sequence[Task]


def forward_stages(links: Iterable[Link], values: Mapping[str, Array]) -> tuple[Stage, ...]:
    """The stages of a forward pass over `values`, which holds an array for every name."""
    stages = _Stages()
    for link in links:
        arguments = [(name, values[name]) for name in link.inputs]
        call = Call(link.function.forward, tuple(a for _, a in arguments), values[link.output])
        columns = link.function.columns.get("forward")
        stages.add(call, [name for name, _ in arguments], link.output, columns)
    return stages.finished()


def backward_stages(
    factors: Iterable[Factor], values: Mapping[str, Array], gradients: Mapping[str, Array]
) -> tuple[Stage, ...]:
    """The stages of a gradient function over `values` and `gradients`."""
    stages = _Stages()
    for factor in factors:
        link, result = factor.link, gradient_name(factor.target)
        names = [gradient_name(link.output), link.output, *link.inputs]
        arguments = (gradients[names[0]], *(values[name] for name in names[1:]))
        call = Call(factor.vjp, arguments, gradients[result], factor.adds)
        stages.add(call, names, result, link.function.columns.get(factor.argument))
    return stages.finished()


class _Stages:
    """Puts calls into stages: a new one begins where a call needs what another task computes."""

    def __init__(self) -> None:
        self._done: list[Stage] = []
        self._begin()

    def _begin(self) -> None:
        self._blocks: list[list[Call]] = []
        self._whole: list[Call] = []
        self._made_in_blocks: set[str] = set()
        self._made_whole: set[str] = set()

    def add(
        self, call: Call, needs: Sequence[str], makes: str, columns: Columns | None = None
    ) -> None:
        """Append a call that reads the values `needs` and computes `makes`."""
        blocks = _cut(call, columns) if columns else []
        if len(blocks) > 1 and columns:
            axes = columns.arguments
            whole = [name for name, axis in zip(needs, axes, strict=True) if axis is None]
            other_cut = bool(self._blocks) and len(self._blocks) != len(blocks)
            if (
                other_cut
                or not self._made_in_blocks.isdisjoint(whole)
                or not self._made_whole.isdisjoint(needs)
            ):
                self._close()
            self._blocks = self._blocks or [[] for _ in blocks]
            for task, block in zip(self._blocks, blocks, strict=True):
                task.append(block)
            self._made_in_blocks.add(makes)
        else:
            if not self._made_in_blocks.isdisjoint(needs):
                self._close()
            self._whole.append(call)
            self._made_whole.add(makes)

    def finished(self) -> tuple[Stage, ...]:
        """All stages, in order."""
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        tasks = [*self._blocks, self._whole] if self._whole else self._blocks
        if tasks:
            self._done.append(tuple(map(tuple, tasks)))
        self._begin()


def _cut(call: Call, columns: Columns) -> list[Call]:
    """The call as one for each block of its result's columns; the last has what is left over."""
    width = call.out.shape[columns.result]
    starts = [0, *range(FIRST_BLOCK, width - LEAST_BLOCK + 1, BLOCK)]
    stops = [*starts[1:], width]
    return [
        Call(
            call.function,
            tuple(
                _block(array, axis, start, stop)
                for array, axis in zip(call.arguments, columns.arguments, strict=True)
            ),
            _block(call.out, columns.result, start, stop),
            call.adds,
        )
        for start, stop in zip(starts, stops, strict=True)
    ]


def _block(array: Array, axis: int | None, start: int, stop: int) -> Array:
    return array if axis is None else array[(slice(None),) * axis + (slice(start, stop),)]
