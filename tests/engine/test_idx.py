"""IDX files."""

import struct
from pathlib import Path

import numpy as np
import pytest

from engine import DatasetError
from engine.idx import open_idx

HEADER = bytes((0, 0, 8, 2)) + struct.pack(">II", 2, 3)


def test_an_array_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(HEADER + bytes([1, 2, 3, 4, 5, 255]))
    array = open_idx(path)
    np.testing.assert_array_equal(array, [[1, 2, 3], [4, 5, 255]])
    assert not array.flags.writeable
    assert isinstance(array.base, np.memmap)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "begins with 1f 8b 08 00"),
        (HEADER[:7], "expected 12 bytes of header in .*, got 7"),
        (HEADER + bytes(5), r"expected 18 bytes in .* of shape \(2, 3\), got 17"),
        (HEADER + bytes(7), "expected 18 bytes .* got 19"),
        (
            bytes((0, 0, 8, 3)) + b"\xff" * 12,
            "expected 79228162458924105385300197391 bytes .* got 16",
        ),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        open_idx(path)
