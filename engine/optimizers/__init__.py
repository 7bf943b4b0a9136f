"""The optimizers, by name; the tests check every one that is registered here."""

from collections.abc import Mapping
from dataclasses import fields

from engine.checks import one_of
from engine.errors import ConfigurationError
from engine.optimizers.adam import Adam
from engine.optimizers.optimizer import LARGEST_LEARNING_RATE, Optimizer, OptimizerState
from engine.optimizers.rmsprop import RMSprop
from engine.optimizers.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD, RMSprop, Adam)}


def get(optimizer: str | Mapping[str, object] | Optimizer) -> Optimizer:
    """The optimizer for a name or a configuration such as `config()` returns; an optimizer itself.

    Raises ConfigurationError for unknown names and options, and for values out of range.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    options = dict(optimizer) if isinstance(optimizer, Mapping) else {"name": optimizer}
    kind = OPTIMIZERS[one_of(options.pop("name", None), OPTIMIZERS, "the optimizer")]
    known = [field.name for field in fields(kind)]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ConfigurationError(
            f"expected options of {kind.name} among {', '.join(known)}, "
            f"got {', '.join(map(repr, unknown))}",
            "leave out what this optimizer does not have",
        )
    return kind(**options)


__all__ = [
    "LARGEST_LEARNING_RATE",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Optimizer",
    "OptimizerState",
    "RMSprop",
    "get",
]
