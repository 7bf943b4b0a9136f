"""Read a PNG that a stranger sent, with every limit checked before anything is decoded."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL.PngImagePlugin import PngImageFile

from app.digits.errors import DigitError

MAX_BYTES = 4 * 1024 * 1024
MAX_SIDE = 4096
MIN_SIDE = 8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Only these chunks decide the pixels. Text, profiles, EXIF and animations are dropped unread.
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_SEND_PNG = "Send the drawing as a PNG image of 28 to 4096 pixels a side."
_SEND_AGAIN = "Save the drawing as PNG once more and send the whole file."


def read_png(data: bytes) -> PngImageFile:
    """Return the decoded image; raise DigitError unless it is a whole PNG within the limits.

    At most 4 MB, 8 to 4096 pixels a side, every chunk's checksum right.
    """
    if not data:
        raise DigitError("empty_image", "expected a PNG image, got 0 bytes", _SEND_PNG)
    if len(data) > MAX_BYTES:
        raise DigitError(
            "image_too_large",
            f"expected a PNG image of at most {MAX_BYTES} bytes, got {len(data)}",
            "Send a smaller drawing; 280 x 280 pixels are plenty.",
        )
    if not data.startswith(_SIGNATURE):
        if _SIGNATURE.startswith(data):
            raise _truncated()
        start = data[:8].hex(" ")
        raise DigitError(
            "not_an_image", f"expected a PNG image, got data that starts with {start}", _SEND_PNG
        )
    pixels_only = _SIGNATURE + b"".join(
        chunk for name, chunk in _chunks(data) if name in _PIXEL_CHUNKS
    )
    # PngImageFile rather than Image.open, which warns of large pictures: the header check above
    # has already refused those.
    try:
        image = PngImageFile(BytesIO(pixels_only))
        image.load()
    except OSError as error:
        if "truncated" in str(error):
            raise _truncated() from error
        raise _damaged(str(error)) from error
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        # Pillow's decoder raises these for a header or palette that contradicts itself.
        raise _damaged(str(error)) from error
    return image


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, whole chunk) up to IEND, and check the sizes in IHDR on the way.

    Source: W3C PNG specification, third edition, section 5.3.
    """
    position = len(_SIGNATURE)
    name = b""
    while name != b"IEND":
        if position + 12 > len(data):
            raise _truncated()
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise _truncated()
        body = memoryview(data)[position + 4 : end - 4]
        if zlib.crc32(body) != struct.unpack_from(">I", data, end - 4)[0]:
            raise _damaged(f"the checksum of chunk {name!r} does not match")
        if position == len(_SIGNATURE):
            _check_header(name, body[4:])
        elif name == b"IHDR":
            raise _damaged("a second header")
        elif name == b"tRNS" and length > 256:
            raise _damaged("more transparent colours than a palette has")
        yield name, data[position:end]
        position = end


def _check_header(name: bytes, header: memoryview) -> None:
    if name != b"IHDR" or len(header) != 13:
        raise _damaged("the file does not start with a header")
    width, height = struct.unpack_from(">II", header)
    if max(width, height) > MAX_SIDE:
        raise DigitError(
            "image_too_large",
            f"expected an image of at most {MAX_SIDE} pixels a side, got {width} x {height}",
            "Send a smaller drawing; 280 x 280 pixels are plenty.",
        )
    if min(width, height) < MIN_SIDE:
        raise DigitError(
            "image_too_small",
            f"expected an image of at least {MIN_SIDE} pixels a side, got {width} x {height}",
            _SEND_PNG,
        )


def _truncated() -> DigitError:
    return DigitError(
        "truncated_image", "expected a whole PNG image, got one that ends too early", _SEND_AGAIN
    )


def _damaged(what: str) -> DigitError:
    return DigitError(
        "damaged_image", f"expected a sound PNG image, got a damaged one: {what}", _SEND_AGAIN
    )
