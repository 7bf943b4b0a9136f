"""What crosses between the web process and a worker: a JSON header and opaque bytes.

On the wire: two big-endian 32-bit lengths (header, bytes), the header, the bytes. The header's
"blobs" member tells how the bytes divide.
"""

import json
import struct
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

    def encode(self) -> bytes:
        """The bytes on the wire."""
        header = json.dumps(
            self.header | {"blobs": [len(blob) for blob in self.blobs]}, allow_nan=False
        ).encode()
        return b"".join([PREFIX.pack(len(header), sum(map(len, self.blobs))), header, *self.blobs])

    @classmethod
    def decode(cls, header: bytes, payload: bytes) -> "Message":
        """The message of a header and payload read off the wire."""
        fields = json.loads(header)
        blobs, start = [], 0
        for length in fields.pop("blobs"):
            blobs.append(payload[start : start + length])
            start += length
        return cls(fields, blobs)
