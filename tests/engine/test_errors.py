"""The named errors."""

import pickle

import pytest

from engine import EngineError, NonFiniteError
from engine.arrays import float_type


def test_an_error_says_what_and_what_to_do() -> None:
    error = EngineError("expected 1, got 2", "take 1")
    assert (error.message, error.hint) == ("expected 1, got 2", "take 1")
    assert str(error) == "expected 1, got 2; take 1"
    assert str(EngineError("expected 1, got 2")) == "expected 1, got 2"


def test_errors_travel_between_processes() -> None:
    plain = pickle.loads(pickle.dumps(EngineError("a", "b")))
    assert (type(plain), str(plain)) == (EngineError, "a; b")
    error = NonFiniteError(batch=3, phase="loss", what="loss", value=float("inf"))
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, NonFiniteError)
    assert (copy.batch, copy.phase, copy.what, copy.value) == (3, "loss", "loss", float("inf"))
    assert str(copy) == str(error)
    assert str(error).startswith("expected a finite loss in batch 3 (loss), got inf; go back")


def test_an_evaluation_is_no_part_of_the_batch_before_it() -> None:
    error = NonFiniteError(batch=3, phase="evaluation", what="loss", value=float("inf"))
    assert "a finite loss in the evaluation after batch 3, got inf; go back" in str(error)


@pytest.mark.parametrize("dtype", ["float16", "int", "float99"])
def test_only_two_dtypes(dtype: str) -> None:
    with pytest.raises(EngineError, match="expected a dtype of float32 or float64, got"):
        float_type(dtype)
