"""A chain of tensor functions, its forward pass, and the gradient function derived from it.

Values have names. A link applies one function to named values and names its result, so the chain
`a(W1, b(W2, c(W3)))` is three links, and a network is affine, relu, affine, softmax and a loss.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.errors import ConfigurationError
from engine.functions import TensorFunction
from engine.functions.tensor_function import VectorJacobianProduct


@dataclass(frozen=True)
class Link:
    """One application: `values[output] = function.forward(*(values[name] for name in inputs))`."""

    function: TensorFunction
    inputs: tuple[str, ...]
    output: str

    def __repr__(self) -> str:
        return f"{self.output} = {self.function.name}({', '.join(self.inputs)})"


class Chain:
    """Links in the order of computation; each may use the results of earlier ones."""

    def __init__(self, links: Iterable[Link]) -> None:
        self.links: tuple[Link, ...] = tuple(links)
        outputs = [link.output for link in self.links]
        for position, link in enumerate(self.links):
            late = [name for name in link.inputs if name in outputs[position:]]
            if late or outputs.count(link.output) > 1:
                raise ConfigurationError(
                    f"expected each value to be computed once and before it is used, got {link}",
                    "put the links in the order of computation, with outputs of different names",
                )

    def forward(self, values: MutableMapping[str, Array]) -> None:
        """Compute every link's output into `values`.

        `values` holds the inputs and parameters; an array already there under an output's name
        receives the result, otherwise a new one is made.
        """
        for link in self.links:
            arguments = [values[name] for name in link.inputs]
            values[link.output] = link.function.forward(*arguments, out=values.get(link.output))

    def gradient_function(self, of: str, wrt: Sequence[str]) -> "GradientFunction":
        """Derive d(of)/d(name) for every name in `wrt` by the chain rule."""
        return GradientFunction(self, of, wrt)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.links))


def gradient_name(name: str) -> str:
    """The name of the derivative with respect to the value `name`."""
    return f"{name}.gradient"


@dataclass(frozen=True)
class Factor:
    """One application of the chain rule: `values[target].gradient` from that of `link.output`."""

    link: Link
    argument: str  # the target's name in the link's function
    target: str
    vjp: VectorJacobianProduct
    adds: bool  # to a share that is already there, from another use of the target

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of what `vjp` is called with: the cotangent, the result, and the arguments."""
        return gradient_name(self.link.output), self.link.output, *self.link.inputs

    @property
    def reads(self) -> tuple[str, ...]:
        """The names among `needs` whose arrays `vjp` reads."""
        function, (cotangent, *values) = self.link.function, self.needs
        read = function.reads(self.argument)
        named = zip(("y", *function.arguments), values, strict=True)
        return cotangent, *(value for name, value in named if name in read)


class GradientFunction:
    """Maps the values of a forward pass to gradients: the backward pass is one call of it.

    It is composed once from the links' vector-Jacobian products, from the last link back. Links
    and arguments on no path from `wrt` to `of` (the input of the first layer, say) are left out.
    """

    def __init__(self, chain: Chain, of: str, wrt: Sequence[str]) -> None:
        self.of = of
        self.wrt = tuple(wrt)
        self.factors = _derive(chain, of, self.wrt)

    def __call__(self, values: Mapping[str, Array], gradients: MutableMapping[str, Array]) -> None:
        """Compute every gradient into `gradients`, under names that end in ".gradient".

        An array already there receives the result. The starting point d(of)/d(of) is 1 unless
        `gradients` has another cotangent under `of`'s name.
        """
        start = gradient_name(self.of)
        if start not in gradients:
            gradients[start] = np.ones_like(values[self.of])
        for factor in self.factors:
            link, name = factor.link, gradient_name(factor.target)
            cotangent = gradients[gradient_name(link.output)]
            arguments = [values[argument] for argument in link.inputs]
            if factor.adds:
                gradients[name] += factor.vjp(cotangent, values[link.output], *arguments)
            else:
                gradients[name] = factor.vjp(
                    cotangent, values[link.output], *arguments, out=gradients.get(name)
                )

    def __repr__(self) -> str:
        return f"GradientFunction(d({self.of}) / d({', '.join(self.wrt)}))"


def _derive(chain: Chain, of: str, wrt: tuple[str, ...]) -> tuple[Factor, ...]:
    needed = set(wrt)  # values that depend on something in `wrt`
    for link in chain.links:
        if needed.intersection(_differentiable(link)):
            needed.add(link.output)
    factors: list[Factor] = []
    reached = {of}  # values whose gradient is known when the walk gets there
    for link in reversed(chain.links):
        if link.output not in reached:
            continue
        for argument, name in zip(link.function.arguments, link.inputs, strict=True):
            if name in needed and argument in link.function.vjps:
                vjp = link.function.vjps[argument]
                factors.append(Factor(link, argument, name, vjp, adds=name in reached))
                reached.add(name)
    missing = [name for name in wrt if name not in reached]
    if missing:
        raise ConfigurationError(
            f"expected {of} to depend on {', '.join(missing)}, got a chain where it does not",
            f"choose among {', '.join(sorted({n for k in chain.links for n in k.inputs}))}",
        )
    return tuple(factors)


def _differentiable(link: Link) -> set[str]:
    arguments = zip(link.function.arguments, link.inputs, strict=True)
    return {name for argument, name in arguments if argument in link.function.vjps}
