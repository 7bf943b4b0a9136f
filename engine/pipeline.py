"""Batches that overlap: each core begins the next one before the other has finished the last.

Once its gradient is computed, a block of a large first layer needs nothing of the other block: its
update and its share of the next batch's forward pass follow at once. So the cores wait for each
other only twice a batch, before and after what lies between the layer's two products. What only
the caller does, such as gathering the next samples, it does while the helper works.
"""

from collections.abc import Callable, Sequence

from engine.plan import Stage, Task
from engine.team import Team


class Pipeline:
    """Runs the stages `through` a batch, its update, and the first stage of the next.

    The first and the last stage of a batch are the first layer's products, a task for each block;
    other tasks beside them are the caller's. `updates`, a task for each block, come before the
    block's next product; `others`, two tasks or none, follow when all these are done.
    """

    def __init__(
        self, team: Team, through: Sequence[Stage], updates: Sequence[Task], others: Sequence[Task]
    ) -> None:
        self._team = team
        self._first, *self._middle, last = through
        products = [list(task) for task in last.tasks[: len(updates)]]
        # The loss and all other gradients have to be computed before the updates.
        products[0] += [call for task in last.tasks[len(updates) :] for call in task]
        tasks = [[*product, *update] for product, update in zip(products, updates, strict=True)]
        self._after = [Stage(others)] if others else []
        self._link = Stage(tasks, then=self._first.tasks)

    def begin(self) -> None:
        """Run the first stage of the first batch, whose samples are already taken."""
        self._team.run([self._first])

    def run_batch(self, meanwhile: Callable[[], object]) -> None:
        """Run the rest of a batch, and begin the next one, which `meanwhile` draws.

        By then the batch's predictions are computed; its loss and its gradient may not be.
        """
        self._team.run(self._middle)
        self._team.run_with(self._link, meanwhile)
        self._team.run(self._after)
