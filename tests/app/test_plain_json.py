"""JSON of what a run tells of itself."""

import json
import math

import numpy as np
import pytest

from app.plain_json import json_bytes, json_text


@pytest.mark.parametrize("value", [0.1, 1e-7, 1e22, -0.0, 2**53, True, None, "é", [1, [2]]])
def test_values_come_back_as_they_were(value: object) -> None:
    told = {"value": value}
    assert json.loads(json_bytes(told)) == told
    assert json_text(told).encode() == json_bytes(told)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_not_finite_is_null(number: float) -> None:
    assert json_bytes({"loss": number, "each": [1.5, number]}) == b'{"loss":null,"each":[1.5,null]}'
