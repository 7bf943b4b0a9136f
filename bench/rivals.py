"""One trainer in a process of its own, an epoch at a time when told to, for `bench.training`.

`python -m bench.rivals NAME THREADS DATA` reads the samples from DATA (an .npz with x and y, and
the test images test_x and test_y), says "ready" when its first epoch, which compiles what there is
to compile, is done, and then answers each line it reads: "epoch" with the seconds it took to train
one and its mean loss, "accuracy" with the share of the test images that are read right.

The work is the same for all: 784 → 512 relu → 10 softmax, RMSprop (scikit-learn has Adam only),
float32, batches of 128 in a new order every epoch, the last one shorter, the loss of every batch
computed. A rival's import is inside its function, so that one environment need not hold them all.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 128
RATE, RHO, EPSILON = 0.001, 0.9, 1e-7

Array = Any
# Trains an epoch, and returns the mean of its batches' losses.
Epoch = Callable[[], float]
# The classes that the network reads in images (n, 784), as it is trained by now.
Classes = Callable[[Array], Array]
Trainer = tuple[Epoch, Classes]


def ours(x: Array, y: Array, threads: int) -> Trainer:
    """This project's engine, through `fit`."""
    from engine import Dense, Sequential

    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])

    def epoch() -> float:
        history = network.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, threads=threads)
        return history.history["loss"][0]

    return epoch, lambda images: network.predict(images).argmax(axis=1)


def products(x: Array, y: Array, threads: int) -> Trainer:
    """The five matrix products of a batch and nothing else, each core with its own half."""
    del y
    # One array of everything a core needs: nothing is shared, nothing waited for.
    width = 512 // threads

    def half(batches: int) -> None:
        a = x[:BATCH].copy()
        w, w2 = np.ones((784, width), np.float32), np.ones((width, 10), np.float32)
        d2 = np.ones((BATCH, 10), np.float32)
        z, dz = np.empty((BATCH, width), np.float32), np.empty((BATCH, width), np.float32)
        z2, g, g2 = np.empty((BATCH, 10), np.float32), np.empty_like(w), np.empty_like(w2)
        for _ in range(batches):
            np.matmul(a, w, out=z)
            np.matmul(z, w2, out=z2)
            np.matmul(z.T, d2, out=g2)
            np.matmul(d2, w2.T, out=dz)
            np.matmul(a.T, dz, out=g)

    def epoch() -> float:
        batches = -(-len(x) // BATCH)
        helpers = [threading.Thread(target=half, args=(batches,)) for _ in range(threads - 1)]
        for helper in helpers:
            helper.start()
        half(batches)
        for helper in helpers:
            helper.join()
        return 0.0

    return epoch, lambda images: np.full(len(images), -1)  # it has learned nothing


def torch_eager(x: Array, y: Array, threads: int, *, compiled: bool = False) -> Trainer:
    """PyTorch, a training loop as its tutorials write it."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    xs, ys = torch.from_numpy(x), torch.from_numpy(y)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=RATE, alpha=RHO, eps=EPSILON)
    loss_of = torch.nn.CrossEntropyLoss()

    def step(xb: Any, yb: Any) -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(xb), yb)
        loss.backward()
        optimizer.step()
        return loss

    batch = torch.compile(step) if compiled else step

    def epoch() -> float:
        order = torch.randperm(len(xs)).split(BATCH)
        return float(np.mean([float(batch(xs[part], ys[part]).detach()) for part in order]))

    return epoch, lambda images: model(torch.from_numpy(images)).argmax(axis=1).numpy()


def torch_compile(x: Array, y: Array, threads: int) -> Trainer:
    """The same, model, loss and optimizer compiled."""
    return torch_eager(x, y, threads, compiled=True)


def keras_fit(x: Array, y: Array, threads: int, backend: str) -> Trainer:
    """Keras's `fit` on a backend."""
    os.environ["KERAS_BACKEND"] = backend
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
    import keras

    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.layers.Input((784,)), dense(512, activation="relu"), dense(10, activation="softmax")]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def epoch() -> float:
        return float(model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0).history["loss"][0])

    return epoch, lambda images: model.predict(images, verbose=0).argmax(axis=1)


def keras_jax(x: Array, y: Array, threads: int) -> Trainer:
    """Keras on JAX."""
    return keras_fit(x, y, threads, "jax")


def keras_torch(x: Array, y: Array, threads: int) -> Trainer:
    """Keras on PyTorch."""
    return keras_fit(x, y, threads, "torch")


def jax_scan(x: Array, y: Array, threads: int) -> Trainer:
    """JAX, all whole batches of an epoch in one compiled `lax.scan`, then the shorter one."""
    del threads  # XLA takes what the process may use
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0), 2)
    limit = (np.sqrt(6 / (784 + 512)), np.sqrt(6 / (512 + 10)))
    weights = [
        jax.random.uniform(keys[0], (784, 512), minval=-limit[0], maxval=limit[0]),
        jnp.zeros(512),
        jax.random.uniform(keys[1], (512, 10), minval=-limit[1], maxval=limit[1]),
        jnp.zeros(10),
    ]
    state = (weights, [jnp.zeros_like(w) for w in weights])
    xs, ys = jnp.asarray(x), jnp.asarray(y)

    def logits_of(weights: Any, xb: Any) -> Any:
        w1, b1, w2, b2 = weights
        return jnp.maximum(xb @ w1 + b1, 0) @ w2 + b2

    def loss_of(weights: Any, xb: Any, yb: Any) -> Any:
        log_p = jax.nn.log_softmax(logits_of(weights, xb))
        return -jnp.take_along_axis(log_p, yb[:, None], axis=1).mean()

    def step(state: Any, part: Any) -> Any:
        weights, mean_squares = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, xs[part], ys[part])
        new = [RHO * v + (1 - RHO) * g * g for v, g in zip(mean_squares, gradients, strict=True)]
        weights = [
            w - RATE * g / jnp.sqrt(v + EPSILON)
            for w, g, v in zip(weights, gradients, new, strict=True)
        ]
        return (weights, new), loss

    def whole_epoch(state: Any, order: Any) -> Any:
        whole = len(x) // BATCH * BATCH
        state, losses = jax.lax.scan(step, state, order[:whole].reshape(-1, BATCH))
        if whole < len(x):
            state, last = step(state, order[whole:])
            losses = jnp.append(losses, last)
        return state, losses

    compiled_epoch, orders = jax.jit(whole_epoch), np.random.default_rng(0)

    def epoch() -> float:
        nonlocal state
        state, losses = compiled_epoch(state, orders.permutation(len(x)))
        return float(np.asarray(losses).mean())

    return epoch, lambda images: np.asarray(logits_of(state[0], images).argmax(axis=1))


def scikit_learn(x: Array, y: Array, threads: int) -> Trainer:
    """MLPClassifier, an epoch a call of `partial_fit`; its BLAS takes what the process may use."""
    del threads
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden_layer_sizes=(512,), batch_size=BATCH, random_state=0, alpha=0)

    def epoch() -> float:
        model.partial_fit(x, y, classes=np.arange(10))
        return float(model.loss_curve_[-1])

    return epoch, model.predict


RIVALS: dict[str, Callable[[Array, Array, int], Trainer]] = {
    function.__name__: function
    for function in (
        ours,
        products,
        torch_eager,
        torch_compile,
        keras_jax,
        jax_scan,
        keras_torch,
        scikit_learn,
    )
}


def main(name: str, threads: int, data: Path) -> None:
    """Answer lines until the input ends."""
    with np.load(data) as file:
        x, y, test_x, test_y = (file[part] for part in ("x", "y", "test_x", "test_y"))
    epoch, classes = RIVALS[name](x, y, threads)
    epoch()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "accuracy":
            answer = {"accuracy": float((classes(test_x) == test_y).mean())}
        else:
            begun = time.perf_counter()
            loss = epoch()
            answer = {"seconds": time.perf_counter() - begun, "loss": loss}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
