"""Saved states of a run in files, from which any batch is reached by replaying a little."""

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path

import structlog

from app.storage.sealed import DamagedFileError, seal, unseal, write_whole
from engine import LoopState

FIRST_INTERVAL = 128
# 2: the weights of a layer lie input by input; in version 1 they lay unit by unit.
FORMAT = "descent.checkpoint.2"
# At most so many states wait in memory to be written.
MAX_WAITING = 2

_FILE = re.compile(r"checkpoint-(\d{7})\.safetensors")
_NUMBERS = ("iterations", "batch", "epoch", "batch_in_epoch", "position", "batch_size")
_OPTIMIZER = "optimizer."

log = structlog.get_logger()


class Checkpoints:
    """States at multiples of an interval, in a folder, within a budget of bytes.

    When the budget is full, every second file goes and the interval doubles, so that any batch of
    a run of n batches is at most n * nbytes / budget (and at least 128) batches of replay away.
    Batch 0 needs no state: it is made again from the seed.

    `recipe_at(batch)` names the recipe up to a batch; a state made by another recipe is of no use.
    `writer` writes the files, so that training does not wait for the disk. A file that cannot be
    written costs only time: more is replayed. `set_aside` has the names of files that were found
    damaged.
    """

    def __init__(
        self,
        folder: Path,
        budget: int,
        writer: Executor,
        recipe_at: Callable[[int], str],
        *,
        interval: int = FIRST_INTERVAL,
    ) -> None:
        self.set_aside: list[str] = []
        self._folder = folder
        self._budget = budget
        self._writer = writer
        self._recipe_at = recipe_at
        self._waiting: dict[int, Future[None]] = {}
        self._batches = {
            int(match[1]) for path in _files(folder) if (match := _FILE.fullmatch(path.name))
        }
        self._first_interval = interval
        self._interval = interval  # if there is no room for so many, `add` will notice

    def due(self, batch: int) -> bool:
        """Whether a state at `batch` is wanted and not there yet."""
        return batch % self._interval == 0 and batch not in self._batches

    def add(self, state: LoopState) -> None:
        """Keep `state`, and thin out the others until all fit into the budget."""
        self.finish(leave=MAX_WAITING - 1)
        self._batches.add(state.batch)
        path, recipe = self._path(state.batch), self._recipe_at(state.batch)
        self._waiting[state.batch] = self._writer.submit(_write, path, state, recipe)
        while len(self._batches) * state.nbytes > self._budget:
            self._interval *= 2
            self._keep(lambda batch: batch % self._interval == 0)

    def before(self, batch: int) -> LoopState | None:
        """The newest state at or before `batch`; None stands for the untrained network.

        A damaged file is set aside, and the next older one is used.
        """
        self.finish()
        for saved in sorted((saved for saved in self._batches if saved <= batch), reverse=True):
            path = self._path(saved)
            try:
                state, recipe = _decode(path.read_bytes())
            except (DamagedFileError, OSError) as error:
                self._batches.discard(saved)
                self._put_aside(path, error)
                continue
            if recipe == self._recipe_at(saved) and state.batch == saved:
                return state
            self._batches.discard(saved)
            path.unlink(missing_ok=True)
        return None

    def cut(self, batch: int) -> None:
        """Forget the states after `batch`: their past is no longer this run's."""
        self._keep(lambda saved: saved <= batch)
        self._interval = self._first_interval  # there is room again

    def _keep(self, wanted: Callable[[int], bool]) -> None:
        dropped = {batch for batch in self._batches if not wanted(batch)}
        if not dropped.isdisjoint(self._waiting):
            self.finish()
        for batch in dropped:
            self._path(batch).unlink(missing_ok=True)
        self._batches -= dropped

    def finish(self, leave: int = 0) -> None:
        """Wait until everything is written, except so many states."""
        while len(self._waiting) > leave:
            batch = next(iter(self._waiting))
            try:
                self._waiting.pop(batch).result()
            except OSError as error:
                log.error("checkpoint not written", batch=batch, reason=str(error))
                self._batches.discard(batch)

    def _put_aside(self, path: Path, error: Exception) -> None:
        log.error("checkpoint damaged, set aside", file=str(path), reason=str(error))
        self.set_aside.append(path.name)
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + ".damaged"))

    def _path(self, batch: int) -> Path:
        return self._folder / f"checkpoint-{batch:07}.safetensors"


def share(source: Path, folder: Path, to_batch: int) -> None:
    """Give another run's folder the states up to `to_batch`; the files are shared, not copied.

    None of them is indispensable: the other run may thin out its files meanwhile, and the disk may
    be full.
    """
    for path in _files(source):
        match = _FILE.fullmatch(path.name)
        if match and int(match[1]) <= to_batch:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                _share_file(path, folder / path.name)


def _share_file(path: Path, shared: Path) -> None:
    try:
        shared.hardlink_to(path)
    except OSError:  # a file system without links
        try:
            shutil.copyfile(path, shared)
        except OSError:
            shared.unlink(missing_ok=True)  # an incomplete copy
            raise


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _write(path: Path, state: LoopState, recipe: str) -> None:
    write_whole(path, _encode(state, recipe))


def _encode(state: LoopState, recipe: str) -> list[bytes | memoryview]:
    numbers = {name: getattr(state, name) for name in _NUMBERS}
    return seal(
        {
            "parameters": state.parameters,
            **{_OPTIMIZER + name: slot for name, slot in state.slots.items()},
        },
        {
            "format": FORMAT,
            "recipe": recipe,
            "state": json.dumps({"optimizer": dict(state.optimizer), **numbers}),
        },
    )


def _decode(data: bytes) -> tuple[LoopState, str]:
    """A state and the name of the recipe that made it. Raises `DamagedFileError`."""
    tensors, metadata = unseal(data)
    if metadata.get("format") != FORMAT:
        raise DamagedFileError(f"expected a file of format {FORMAT}, got {metadata.get('format')}")
    fields = json.loads(metadata["state"])
    return LoopState(
        parameters=tensors.pop("parameters"),
        slots={name.removeprefix(_OPTIMIZER): slot for name, slot in tensors.items()},
        **fields,
    ), metadata["recipe"]
