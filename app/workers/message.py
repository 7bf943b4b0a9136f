"""What crosses between the web process and a worker: a JSON header and opaque bytes.

On the wire: two big-endian 32-bit lengths (header, bytes), the header, the bytes. The header's
"blobs" member tells how the bytes divide.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

# The id of what a worker says without having been asked.
UNASKED = 0
PREFIX = struct.Struct(">II")


@dataclass(slots=True)
class Message:
    """A header of plain JSON values, and any number of blobs."""

    header: dict[str, Any]
    blobs: list[bytes] = field(default_factory=list)

    def parts(self) -> list[bytes]:
        """The bytes on the wire, in pieces: blobs are not copied."""
        header = json.dumps(
            self.header | {"blobs": [len(blob) for blob in self.blobs]}, allow_nan=False
        ).encode()
        return [PREFIX.pack(len(header), sum(map(len, self.blobs))), header, *self.blobs]

    def encode(self) -> bytes:
        """The same in one piece."""
        return b"".join(self.parts())

    @classmethod
    def decode(cls, header: bytes, payload: bytes) -> "Message":
        """The message of a header and payload read off the wire."""
        fields = json.loads(header)
        blobs, start = [], 0
        for length in fields.pop("blobs"):
            blobs.append(payload[start : start + length])
            start += length
        return cls(fields, blobs)


@dataclass(slots=True)
class Draft:
    """A message of which some blobs are still to be made, on whatever thread."""

    header: dict[str, Any]
    blobs: Sequence[bytes | Callable[[], bytes]] = ()

    def message(self) -> Message:
        """The message, with all its blobs."""
        made = [blob if isinstance(blob, bytes) else blob() for blob in self.blobs]
        return Message(self.header, made)
