"""Reading drawn digits over REST: by a run or by the kept network, and what is refused."""

import asyncio
import threading
import time
from typing import Any
from unittest.mock import AsyncMock, Mock

import numpy as np
import pytest
from PIL import Image

from app.web import classify
from app.web.context import PICTURES, Server
from engine import load_mnist
from tests.support.client import Visitor, answer, error_of
from tests.support.drawing import png, redraw
from tests.support.server import wait_until

JSON = {"content-type": "application/json"}


@pytest.fixture
def reader(visitor: Visitor) -> Visitor:
    """A visitor, once the kept network has been read."""
    wait_until(lambda: visitor.http.get("/api/classify").json()["ready"], what="the network")
    return visitor


def digits(count: int) -> tuple[list[Any], list[int]]:
    _, (images, labels) = load_mnist()
    return [np.rint(image * 255).astype(np.uint8).reshape(28, 28) for image in images[:count]], [
        int(label) for label in labels[:count]
    ]


@pytest.mark.parametrize("dark_on_light", [False, True])
@pytest.mark.parametrize("canvas", [60, 280])
def test_drawn_digits_are_read(reader: Visitor, canvas: int, dark_on_light: bool) -> None:
    generator = np.random.default_rng(canvas)
    images, labels = digits(40)
    right = 0
    for image, label in zip(images, labels, strict=True):
        drawn = redraw(image, generator, canvas=canvas, dark_on_light=dark_on_light)
        headers = {"content-type": "image/png"}
        read = answer(reader.http.post("/api/classify", content=png(drawn), headers=headers))
        assert sum(read["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert read["digit"] == int(np.argmax(read["probabilities"]))
        assert np.array(read["pixels"]).shape == (28, 28)
        right += read["digit"] == label
    assert right >= 37


@pytest.mark.parametrize(
    "media_type", ["image/png", "image/PNG; x=1", "application/octet-stream", ""]
)
def test_a_picture_is_taken_by_what_it_is(reader: Visitor, media_type: str) -> None:
    images, _ = digits(1)
    headers = {"content-type": media_type}
    response = reader.http.post("/api/classify", content=png(images[0]), headers=headers)
    assert answer(response)["digit"] == 7


def test_a_run_reads_by_its_own_weights(reader: Visitor) -> None:
    images, labels = digits(30)
    run = reader.make_run()

    def share_read() -> float:
        read = [
            answer(
                reader.http.post(f"/api/classify?run={run.id}", json={"pixels": image.tolist()})
            )["digit"]
            for image in images
        ]
        return float(np.mean(np.array(read) == labels))

    untrained = share_read()
    run.step(200)
    assert share_read() > max(0.7, untrained)


def test_reading_while_a_run_plays_does_not_stop_it(reader: Visitor) -> None:
    images, _ = digits(5)
    run = reader.make_run()
    before = run.command("play")["batch"]
    for image in images:
        answer(reader.http.post(f"/api/classify?run={run.id}", json={"pixels": image.tolist()}))
    assert run.until(lambda state: state["batch"] > before)["state"] == "playing"
    run.command("pause")


BLANK = np.zeros((28, 28), np.uint8)
ROWS = [[0] * 28 for _ in range(28)]
DRAWN = [[0] * 12 + [255] * 4 + [0] * 12 if 4 <= row < 24 else [0] * 28 for row in range(28)]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (png(BLANK), "image/png"),
        (png(Image.new("1", (10_000, 10_000))), "image/png"),
        (png(BLANK + 9)[:60], "image/png"),
        (b"just text", "image/png"),
        (b"", "image/png"),
        (b"GIF89a", "image/gif"),
    ],
    ids=["blank", "huge", "truncated", "text", "empty", "gif"],
)
def test_a_picture_that_shows_no_digit_is_refused(
    reader: Visitor, content: bytes, media_type: str
) -> None:
    headers = {"content-type": media_type}
    response = reader.http.post("/api/classify", content=content, headers=headers)
    assert 400 <= response.status_code < 500
    error = error_of(response, response.status_code)
    assert error["hint"]


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "null",
        '{"pixels": []}',
        '{"pixels": [[0]]}',
        '{"pixels": "0"}',
        '{"pixels": [[NaN]]}',
        str({"pixels": [[0] * 28] * 27 + [[0] * 27]}).replace("'", '"'),
        str({"pixels": [["NaN"] * 28] * 28}).replace("'", '"'),
        str({"pixels": [*DRAWN[:27], ["12"] * 28]}).replace("'", '"'),
        '{"pixels": ' + str(DRAWN).replace("255", "true") + "}",
        str({"pixels": [*ROWS[:27], [0] * 27 + [1e300]]}).replace("'", '"'),
        str({"pixels": [*ROWS[:27], [0] * 27 + [-5]]}).replace("'", '"'),
        '{"pixels": ' + str(ROWS).replace("0", "NaN") + "}",
        '{"pixels": ' + str(ROWS).replace("0", "1e999") + "}",
        "[" * 100_000,
        "{",
    ],
    ids=lambda content: content[:20],
)
def test_pixels_that_are_none_are_refused(reader: Visitor, content: str) -> None:
    response = reader.http.post("/api/classify", content=content, headers=JSON)
    assert response.status_code in (400, 422)
    error = error_of(response, response.status_code)
    assert error["hint"]
    assert len(error["message"]) < 400


def test_pixels_come_alone(reader: Visitor) -> None:
    response = reader.http.post("/api/classify", json={"pixels": DRAWN, "x": 1})
    error = error_of(response, 422, "invalid_request")
    assert error["message"] == "expected no fields but pixels, got 'x'"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_other_media_types_are_refused(reader: Visitor, media_type: str) -> None:
    headers = {"content-type": media_type}
    response = reader.http.post("/api/classify", content=b"x", headers=headers)
    error_of(response, 415, "unsupported_media_type")


def test_pictures_are_decoded_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def decode(_: bytes) -> Any:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1
        return np.zeros((28, 28), np.uint8)

    async def ask_at_once() -> None:
        network = Mock(classify=lambda _: [1.0, *[0.0] * 9])
        server = Server(Mock(), Mock(), Mock(), network)
        request = Mock(headers={"content-type": "image/png"}, body=AsyncMock(return_value=b""))
        answers = await asyncio.gather(
            *(classify.classify(server, request, None) for _ in range(4 * PICTURES))
        )
        assert [answer["digit"] for answer in answers] == [0] * 4 * PICTURES

    monkeypatch.setattr(classify, "prepare_image", decode)
    asyncio.run(ask_at_once())
    assert most == PICTURES
