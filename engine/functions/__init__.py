"""The tensor functions, by name; the tests check every one that is registered here."""

from collections.abc import Mapping, Sequence

from engine.functions import (
    affine,
    categorical_crossentropy,
    linear,
    mean,
    mean_squared_error,
    relu,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    tanh,
)
from engine.functions.tensor_function import (
    ELEMENT_BY_ELEMENT,
    SAMPLE_BY_SAMPLE,
    Cut,
    Forward,
    TensorFunction,
    VectorJacobianProduct,
)

LOSS_BY_SAMPLES = {"forward": (Cut((0, 0), 0),), "predictions": (Cut((0, 0, 0, 0), 0),)}


def _activation(
    name: str,
    equation: str,
    forward: Forward,
    vjp: VectorJacobianProduct,
    cuts: Mapping[str, Sequence[Cut]] = ELEMENT_BY_ELEMENT,
) -> TensorFunction:
    return TensorFunction(name, equation, ("x",), forward, {"x": vjp}, cuts=cuts)


FUNCTIONS: dict[str, TensorFunction] = {
    function.name: function
    for function in (
        TensorFunction(
            "affine",
            "x Wᵀ + b",
            ("x", "weights", "bias"),
            affine.forward,
            {"x": affine.vjp_x, "weights": affine.vjp_weights, "bias": affine.vjp_bias},
            cuts=affine.CUTS,
        ),
        _activation("relu", "max(x, 0)", relu.forward, relu.vjp),
        _activation("tanh", "tanh(x)", tanh.forward, tanh.vjp),
        _activation("sigmoid", "1 / (1 + exp(−x))", sigmoid.forward, sigmoid.vjp),
        _activation("linear", "x", linear.forward, linear.vjp),
        _activation(
            "softmax", "exp(x_i) / Σ_j exp(x_j)", softmax.forward, softmax.vjp, SAMPLE_BY_SAMPLE
        ),
        TensorFunction(
            "softmax_cross_entropy",
            "−Σ_i t_i log softmax(x)_i",
            ("logits", "targets", "probabilities"),
            softmax_cross_entropy.forward,
            {"logits": softmax_cross_entropy.vjp_logits},
            cuts={"forward": (Cut((0, 0, 0), 0),), "logits": (Cut((0, 0, 0, 0, 0), 0),)},
        ),
        TensorFunction(
            "categorical_crossentropy",
            "−Σ_i t_i log p_i",
            ("predictions", "targets"),
            categorical_crossentropy.forward,
            {"predictions": categorical_crossentropy.vjp_predictions},
            cuts=LOSS_BY_SAMPLES,
        ),
        TensorFunction(
            "mean_squared_error",
            "(1/k) Σ_i (p_i − t_i)²",
            ("predictions", "targets"),
            mean_squared_error.forward,
            {"predictions": mean_squared_error.vjp_predictions},
            cuts=LOSS_BY_SAMPLES,
        ),
        TensorFunction(
            "mean",
            "(1/n) Σ_i x_i",
            ("x",),
            mean.forward,
            {"x": mean.vjp},
            cuts={"x": (Cut((None, None, None), 0),)},
            reads_shapes=frozenset({"x"}),
        ),
    )
}

ACTIVATIONS: dict[str, TensorFunction] = {
    name: FUNCTIONS[name] for name in ("relu", "tanh", "sigmoid", "linear", "softmax")
}

__all__ = ["ACTIVATIONS", "FUNCTIONS", "TensorFunction"]
