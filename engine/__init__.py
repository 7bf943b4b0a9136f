"""The numbers of Descent: a neural network in NumPy whose training can be watched step by step."""

from engine.errors import (
    ConfigurationError,
    DatasetError,
    EngineError,
    HelperLostError,
    LabelError,
    MnistMissingError,
    NonFiniteError,
    NotComputedError,
    PhaseOrderError,
    ShapeError,
    UnknownTensorError,
)
from engine.evaluation import Evaluation
from engine.history import History
from engine.layers import Dense
from engine.loop_state import LoopState
from engine.mnist import load_mnist, load_mnist_bytes
from engine.optimizers import SGD, Adam, RMSprop
from engine.samples import Samples
from engine.sequential import Sequential
from engine.traces import (
    BackwardTrace,
    DrawTrace,
    ForwardTrace,
    LossTrace,
    Phase,
    Trace,
    UpdateTrace,
)
from engine.training import TrainingLoop
from engine.weights_file import NetworkFileError

__all__ = [
    "SGD",
    "Adam",
    "BackwardTrace",
    "ConfigurationError",
    "DatasetError",
    "Dense",
    "DrawTrace",
    "EngineError",
    "Evaluation",
    "ForwardTrace",
    "HelperLostError",
    "History",
    "LabelError",
    "LoopState",
    "LossTrace",
    "MnistMissingError",
    "NetworkFileError",
    "NonFiniteError",
    "NotComputedError",
    "Phase",
    "PhaseOrderError",
    "RMSprop",
    "Samples",
    "Sequential",
    "ShapeError",
    "Trace",
    "TrainingLoop",
    "UnknownTensorError",
    "UpdateTrace",
    "load_mnist",
    "load_mnist_bytes",
]
