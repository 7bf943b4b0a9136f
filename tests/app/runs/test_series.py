"""The series: one value a batch, the first being batch 1's."""

import pytest

from app.runs.series import COLUMNS, Series
from tests.support.runs import column


@pytest.fixture
def series() -> Series:
    """Five batches, batch n with the values n, n + 0.1, n + 0.2, n + 0.3."""
    series = Series()
    for batch in range(1, 6):
        series.append(**{name: batch + index / 10 for index, name in enumerate(COLUMNS)})
    return series


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, None, [1, 2, 3, 4, 5]),
        (0, None, [1, 2, 3, 4, 5]),
        (3, None, [3, 4, 5]),
        (2, 4, [2, 3, 4]),
        (4, 99, [4, 5]),
        (6, None, []),
        (99, None, []),
    ],
)
def test_a_column_is_cut_out_by_batch(
    series: Series, first: int, last: int | None, expected: list[float]
) -> None:
    assert column(series, "loss", first, last) == expected


def test_columns_do_not_mix(series: Series) -> None:
    for index, name in enumerate(COLUMNS):
        assert column(series, name, 5) == [5 + index / 10]


def test_many_batches_are_all_kept() -> None:
    series = Series()
    for batch in range(1, 3001):
        series.append(**dict.fromkeys(COLUMNS, float(batch)))
    assert series.length == 3000
    assert column(series, "accuracy") == list(range(1, 3001))


def test_cutting_forgets_later_batches_and_measurements(series: Series) -> None:
    for batch in (0, 2, 3, 5):
        series.add_test(batch, batch / 10, batch / 100, 1)
    series.cut(3)
    assert series.length == 3
    assert series.tests() == [(0, 0.0, 0.0), (2, 0.2, 0.02), (3, 0.3, 0.03)]
    series.append(**dict.fromkeys(COLUMNS, 9.0))
    assert column(series, "loss") == [1, 2, 3, 9]


def test_cutting_ahead_changes_nothing(series: Series) -> None:
    series.cut(99)
    assert series.length == 5


def test_the_newest_measurement_at_or_before_a_batch_is_found(series: Series) -> None:
    assert series.test_at(5) is None
    series.add_test(4, 0.4, 0.9, 1)
    series.add_test(2, 0.5, 0.8, 1)
    assert series.test_at(1) is None
    assert series.test_at(3) == (2, 0.5, 0.8)
    assert series.test_at(5) == (4, 0.4, 0.9)


def test_measurements_come_by_batch(series: Series) -> None:
    series.add_test(4, 0.4, 0.9, 1)
    series.add_test(2, 0.5, 0.8, 1)
    assert [at for at, _, _ in series.tests()] == [2, 4]
    assert [at for at, _, _ in series.tests(3)] == [4]


def test_json_says_which_batches_it_holds(series: Series) -> None:
    series.add_test(4, 0.4, 0.9, 1)
    assert series.to_json(4) == {
        "from_batch": 4,
        "to_batch": 5,
        "loss": [4.0, 5.0],
        "accuracy": [4.1, 5.1],
        "learning_rate": [4.2, 5.2],
        "gradient_norm": [4.3, 5.3],
        "test": [[4, 0.4, 0.9]],
    }
    assert series.to_json(0)["from_batch"] == 1
