"""How fast a drawn digit is read: by itself, and by many at once."""

import io
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
from PIL import Image, ImageDraw

from bench.server import serving

READINGS = 400
READERS = 8
SIDE = 280


def drawn_digit() -> bytes:
    """A seven, as a PNG."""
    image = Image.new("L", (SIDE, SIDE), 255)
    ImageDraw.Draw(image).line([(90, 60), (190, 60), (120, 230)], fill=0, width=24)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def section() -> str:
    """The table as Markdown."""
    png, headers = drawn_digit(), {"content-type": "image/png"}
    with serving() as (server, _):

        def read(http: httpx2.Client) -> float:
            start = time.perf_counter()
            http.post("/api/classify", content=png, headers=headers).raise_for_status()
            return 1000 * (time.perf_counter() - start)

        def read_many(_: int) -> None:
            with httpx2.Client(base_url=server.address) as http:
                for _ in range(READINGS // READERS):
                    read(http)

        with httpx2.Client(base_url=server.address) as http:
            taken = sorted(read(http) for _ in range(READINGS))
        start = time.perf_counter()
        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(read_many, range(READERS)))
        a_second = READINGS / (time.perf_counter() - start)
    p99 = taken[READINGS * 99 // 100]
    lines = [
        f"A PNG of {SIDE} x {SIDE} pixels, read by an otherwise idle server with one web process;",
        f"{READINGS} times by one reader, then by {READERS} at once, who run on the same machine.",
        "",
        "| median, ms | p99, ms | readings/s |",
        "| --- | --- | --- |",
        f"| {statistics.median(taken):.1f} | {p99:.1f} | {a_second:.0f} |",
        "| at most 8 | | at least 200 |",
    ]
    return "\n".join(lines)
