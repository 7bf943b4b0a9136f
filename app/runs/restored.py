"""What a run says after it has been brought back, or has found a checkpoint damaged."""

from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["worker_lost", "server_restarted", "checkpoint_damaged"]


@dataclass(frozen=True, slots=True)
class Restored:
    """The batch it was brought back to, why, and checkpoints found damaged on the way."""

    batch: int
    reason: Reason
    set_aside: list[str]

    def to_json(self) -> dict[str, Any]:
        """The value of the state's `restored`."""
        return {"batch": self.batch, "reason": self.reason, "set_aside": list(self.set_aside)}
