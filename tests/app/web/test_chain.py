"""The textbook chain over HTTP: stateless, so no worker is started for it."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from engine.textbook import OPERATIONS, TextbookChain
from tests.support.client import checked_error

EXAMPLE: dict[str, Any] = {
    "a": "squared_difference",
    "b": "tanh",
    "c": "sine",
    "weights": [-1.0, 1.5, 0.5],
    "step": 0.1,
}


@pytest.fixture(scope="module")
def http() -> Iterator[TestClient]:
    # Not entered: the lifespan, and with it the workers, never starts.
    client = TestClient(create_app(Settings()), base_url="http://127.0.0.1:8000")
    yield client
    client.close()


def ask(http: TestClient, **fields: Any) -> dict[str, Any]:
    response = http.post("/api/chain", json=fields)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = json.loads(response.text, parse_constant=pytest.fail)
    return answer


def test_lists_the_operations_with_their_formulas(http: TestClient) -> None:
    listed = http.get("/api/chain").json()
    assert {place: [each["name"] for each in known] for place, known in listed.items()} == {
        place: list(known) for place, known in OPERATIONS.items()
    }
    formulas = {place: [each["formula"] for each in known] for place, known in listed.items()}
    assert "(u − W1)²" in formulas["a"]
    assert "tanh(W2·v)" in formulas["b"]
    assert "sin(W3)" in formulas["c"]


def test_the_example_by_hand(http: TestClient) -> None:
    answer = ask(http, **EXAMPLE)
    v = math.sin(0.5)
    u = math.tanh(1.5 * v)
    gradient = [-2 * (u + 1), 2 * (u + 1) * (1 - u * u) * v]
    gradient.append(2 * (u + 1) * (1 - u * u) * 1.5 * math.cos(0.5))
    after = [w - 0.1 * g for w, g in zip(EXAMPLE["weights"], gradient, strict=True)]
    assert answer["formula"] == "(tanh(W2·sin(W3)) − W1)²"
    assert answer["value"] == pytest.approx((u + 1) ** 2)
    assert answer["values"] == pytest.approx({"u": u, "v": v})
    gradients = answer["gradients"]
    assert [gradients[name]["value"] for name in ("W1", "W2", "W3")] == pytest.approx(gradient)
    assert [gradients[name]["numerical"] for name in gradients] == pytest.approx(gradient)
    assert all(each["relative_difference"] < 1e-6 for each in gradients.values())
    assert not any(each["at_kink"] for each in gradients.values())
    assert [(f["name"], f["formula"]) for f in gradients["W3"]["factors"]] == [
        ("∂a/∂u", "2·(u − W1)"),
        ("∂b/∂v", "(1 − tanh²(W2·v))·W2"),
        ("∂c/∂W3", "cos(W3)"),
    ]
    assert gradients["W3"]["factors"][1]["product"]["name"] == "∂f/∂v"
    assert answer["after"]["weights"] == pytest.approx(after)
    w1, w2, w3 = after
    assert answer["after"]["value"] == pytest.approx((math.tanh(w2 * math.sin(w3)) - w1) ** 2)
    again = ask(http, **{**EXAMPLE, "weights": answer["after"]["weights"]})
    assert again["value"] == answer["after"]["value"]


@pytest.mark.parametrize("body", [None, {}])
def test_what_is_left_out_is_the_example(http: TestClient, body: dict[str, Any] | None) -> None:
    assert http.post("/api/chain", json=body).json() == ask(http, **EXAMPLE)


def test_every_operation_can_be_asked_for(http: TestClient) -> None:
    for place, known in OPERATIONS.items():
        for name in known:
            question = {**EXAMPLE, place: name}
            chain = TextbookChain(*(str(question[each]) for each in "abc"))
            assert ask(http, **question)["value"] == chain.value([-1, 1.5, 0.5])


def test_a_kink_is_told_from_other_differences(http: TestClient) -> None:
    bent = ask(http, a="product", b="relu", c="identity", weights=[1, 2, 0])["gradients"]["W3"]
    steep = ask(http, a="tanh", b="tanh", c="exponential", weights=[1, 0, 10])["gradients"]["W2"]
    assert (bent["relative_difference"], bent["at_kink"]) == (1, True)
    assert steep["relative_difference"] > 0.01
    assert steep["at_kink"] is False


@pytest.mark.parametrize(
    ("chain", "weights"),
    [
        ("product product exponential", [-3, 3, 3]),
        ("relu squared_difference identity", [1e100, 1e100, 0.3]),  # f = relu(−∞) = 0
        ("sum relu square", [-1e154, 1e-200, 1e154]),  # W2 = −∞, f = W1
    ],
)
def test_a_step_beyond_all_numbers_has_no_value(
    http: TestClient, chain: str, weights: list[float]
) -> None:
    named = dict(zip("abc", chain.split(), strict=True))
    after = ask(http, **named, weights=weights, step=100)["after"]
    assert after == {"weights": None, "value": None, "numpy": None}


@pytest.mark.parametrize(
    ("question", "code", "says"),
    [
        ({"a": "sinh"}, "invalid_configuration", "expected operation a to be one of product"),
        ({"c": "product"}, "invalid_configuration", "expected operation c to be one of identity"),
        ({"b": "t" * 41}, "invalid_request", "b: String should have at most 40"),
        ({"a": 3}, "invalid_request", "a: Input should be a valid string"),
        (
            {"weights": [1, 2]},
            "invalid_request",
            "weights: expected a list of at least 3, got one of 2",
        ),
        (
            {"weights": [1, 2, 3, 4]},
            "invalid_request",
            "weights: expected a list of at most 3, got one of 4",
        ),
        ({"weights": [1, 2, "3"]}, "invalid_request", "weights.2: Input should be a valid number"),
        ({"weights": [1, True, 3]}, "invalid_request", "weights.1: Input should be a valid number"),
        ([], "invalid_request", "expected an object, got []"),
        ({"a": True}, "invalid_request", "a: Input should be a valid string, got true"),
        ({"b": None}, "invalid_request", "b: Input should be a valid string, got null"),
        ({"weights": 1}, "invalid_request", "weights: Input should be a valid list"),
        ({"step": 0}, "invalid_request", "step: Input should be greater than 0"),
        ({"step": 101}, "invalid_request", "step: Input should be less than or equal to 100"),
        ({"steps": 1}, "invalid_request", "expected no fields but a, b, c, weights, step, got"),
        ({"c": "exponential", "weights": [1, 1, 1000]}, "invalid_configuration", "got v = inf"),
    ],
)
def test_refuses_with_a_reason(http: TestClient, question: Any, code: str, says: str) -> None:
    response = http.post("/api/chain", json=question)
    assert response.status_code == 422
    error = checked_error(response.json())
    assert error["code"] == code
    assert says in error["message"]
    assert error["hint"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_refuses_what_is_not_a_finite_number(http: TestClient, number: str) -> None:
    for field in ('"weights": [1, 2, {}]', '"step": {}'):
        response = http.post(
            "/api/chain",
            content="{" + field.replace("{}", number) + "}",
            headers={"content-type": "application/json"},
        )
        assert response.status_code == 422, response.text
        assert "finite number" in checked_error(response.json())["message"]
