"""Whatever bytes arrive, the answer is a digit or a DigitError, and nothing large is decoded."""

import struct
import tracemalloc
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.digits import DigitError, prepare_image
from tests.support.drawing import png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def bar() -> Image.Image:
    picture = np.zeros((40, 40), np.uint8)
    picture[8:32, 18:23] = 255
    return Image.fromarray(picture)


GOOD = png(bar())


def refusal(data: bytes) -> DigitError:
    with pytest.raises(DigitError) as caught:
        prepare_image(data)
    return caught.value


def outcome(data: bytes) -> DigitError | NDArray[np.uint8]:
    try:
        return prepare_image(data)
    except DigitError as error:
        return error


def test_nothing() -> None:
    error = refusal(b"")
    assert (error.code, error.status) == ("empty_image", 400)
    assert "0 bytes" in error.message


@pytest.mark.parametrize(
    "data", [b"hello, I am a text file", b"\xff\xd8\xff\xe0 a JPEG", b"GIF89a"]
)
def test_another_kind_of_file(data: bytes) -> None:
    error = refusal(data)
    assert (error.code, error.status) == ("not_an_image", 415)
    assert data[:4].hex(" ") in error.message
    assert "PNG" in error.hint


def test_every_truncation_is_named() -> None:
    for length in range(1, len(GOOD)):
        assert refusal(GOOD[:length]).code == "truncated_image"


def test_the_size_is_refused_before_anything_is_decoded() -> None:
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    bomb = SIGNATURE + header(10_000, 10_000) + data + chunk(b"IEND", b"")
    tracemalloc.start()
    try:
        error = refusal(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (error.code, error.status) == ("image_too_large", 413)
    assert "10000 x 10000" in error.message
    assert peak < 1_000_000


def test_a_real_picture_of_10000_by_10000() -> None:
    file = BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    assert refusal(file.getvalue()).code == "image_too_large"


def test_too_many_bytes() -> None:
    error = refusal(GOOD + bytes(4 * 1024 * 1024))
    assert (error.code, error.status) == ("image_too_large", 413)


def test_too_few_pixels_a_side() -> None:
    error = refusal(png(Image.new("L", (7, 40))))
    assert (error.code, error.status) == ("image_too_small", 422)
    assert "7 x 40" in error.message


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"IEND", b""),
        header(40, 40) + header(40, 40) + chunk(b"IEND", b""),
        header(40, 40) + chunk(b"IDAT", b"not deflated") + chunk(b"IEND", b""),
        header(40, 40, depth=3) + chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b""),
        header(40, 40, colour=5) + chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b""),
        header(40, 40) + chunk(b"IEND", b""),
        header(40, 40, colour=3)
        + chunk(b"PLTE", bytes(768))
        + chunk(b"tRNS", bytes(300))
        + chunk(b"IDAT", zlib.compress(bytes(41 * 40)))
        + chunk(b"IEND", b""),
    ],
    ids=[
        "no header",
        "two headers",
        "not deflated",
        "depth 3",
        "colour type 5",
        "no pixels",
        "tRNS",
    ],
)
def test_a_file_that_contradicts_itself(chunks: bytes) -> None:
    assert refusal(SIGNATURE + chunks).code in {"damaged_image", "truncated_image"}


def test_a_flipped_bit_is_a_damaged_image() -> None:
    damaged = bytearray(GOOD)
    damaged[len(GOOD) // 2] ^= 1
    assert refusal(bytes(damaged)).code == "damaged_image"


def test_text_profiles_and_animation_are_dropped_unread() -> None:
    text = PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    prepared = prepare_image(GOOD)
    np.testing.assert_array_equal(prepare_image(png(bar(), pnginfo=text)), prepared)
    animated = GOOD[:33] + chunk(b"acTL", b"\0\0") + chunk(b"eXIf", b"II*") + GOOD[33:]
    np.testing.assert_array_equal(prepare_image(animated), prepared)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_worse_than_a_digit_error(data: st.DataObject) -> None:
    depth, colour = data.draw(st.sampled_from([1, 2, 4, 8, 16])), data.draw(st.integers(0, 6))
    width, height = data.draw(st.integers(0, 70)), data.draw(st.integers(0, 70))
    pixels = zlib.compress(data.draw(st.binary(max_size=50)) * 100)
    middle = data.draw(
        st.permutations(
            [
                chunk(b"IDAT", pixels),
                chunk(b"PLTE", data.draw(st.binary(max_size=800))),
                chunk(b"tRNS", data.draw(st.binary(max_size=400))),
            ]
        )
    )
    kept = b"".join(middle[: data.draw(st.integers(0, 3))])
    file = SIGNATURE + header(width, height, depth, colour) + kept + chunk(b"IEND", b"")
    result = outcome(file)
    if isinstance(result, DigitError):
        assert result.message.startswith("expected")
        assert result.hint
    else:
        assert result.shape == (28, 28)
