"""What fit returns: the loss and metrics of each epoch."""

from dataclasses import dataclass, field


@dataclass
class History:
    """`history["loss"][e]` is the mean loss over the samples of epoch e; so with "accuracy".

    `epoch` lists the epochs' numbers, counted from 0.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)

    def append(self, **figures: float) -> None:
        """Add an epoch."""
        self.epoch.append(len(self.epoch))
        for name, figure in figures.items():
            self.history.setdefault(name, []).append(figure)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {figures[-1]:.4f}" for name, figures in self.history.items())
        return f"History({len(self.epoch)} epochs{f', last {last}' if last else ''})"
