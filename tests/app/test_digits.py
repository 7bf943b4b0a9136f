"""A digit drawn in any way comes out as MNIST would have stored it."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.digits import DigitError, prepare_image, prepare_pixels
from engine import Sequential, load_mnist
from tests.support.drawing import Pixels, png, redraw

CANVASES = {28: 0.95, 56: 0.5, 100: 0.25, 280: 0.6, 400: 0.95, 600: 0.25}
FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


@pytest.fixture(scope="module")
def mnist_test() -> tuple[Pixels, Pixels]:
    _, (images, labels) = load_mnist()
    return np.rint(images * 255).astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.uint8)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def seven() -> Pixels:
    """A seven on a 140 x 140 canvas, light on black, off centre."""
    image = Image.new("L", (140, 140))
    ImageDraw.Draw(image).line([(20, 30), (70, 30), (45, 100)], fill=255, width=10, joint="curve")
    return np.asarray(image)


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("dark_on_light", [False, True])
@pytest.mark.parametrize(("canvas", "share"), CANVASES.items())
def test_redrawn_digits_are_read(
    canvas: int,
    share: float,
    dark_on_light: bool,
    mnist_test: tuple[Pixels, Pixels],
    trained_network: Sequential,
    generator: np.random.Generator,
) -> None:
    chosen = generator.choice(10_000, 400, replace=False)
    images, labels = mnist_test[0][chosen], mnist_test[1][chosen]
    prepared = np.stack(
        [
            prepare_image(
                png(
                    redraw(
                        digit,
                        generator,
                        canvas=canvas,
                        share=share,
                        dark_on_light=dark_on_light,
                        resampling=FILTERS[number % len(FILTERS)],
                    )
                )
            )
            for number, digit in enumerate(images)
        ]
    )
    scores = trained_network.predict(prepared.reshape(-1, 784).astype(np.float32) / 255)
    assert (scores.argmax(axis=1) == labels).mean() >= 0.95


def test_mnist_itself_is_left_as_it_is(mnist_test: tuple[Pixels, Pixels]) -> None:
    for digit in mnist_test[0]:
        np.testing.assert_array_equal(prepare_pixels(digit), digit)
    for digit in mnist_test[0][:300]:
        np.testing.assert_array_equal(prepare_pixels(255 - digit), digit)
        np.testing.assert_array_equal(prepare_image(png(digit)), digit)


def test_mnist_moved_by_a_pixel_comes_back_nearly_as_it_was(
    mnist_test: tuple[Pixels, Pixels],
) -> None:
    moved = np.roll(mnist_test[0][:500], (1, -1), (1, 2))
    distances = [
        difference(prepare_pixels(away), digit)
        for away, digit in zip(moved, mnist_test[0], strict=False)
    ]
    assert np.median(distances) < 0.2
    assert np.quantile(distances, 0.95) < 4


def test_the_digit_fits_20_by_20_and_its_mass_is_centred(seven: Pixels) -> None:
    prepared = prepare_image(png(seven)).astype(float)
    rows, columns = np.flatnonzero(prepared.any(axis=1)), np.flatnonzero(prepared.any(axis=0))
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 < 20
    assert prepared.max() == 255
    places = np.arange(28)
    assert (prepared.sum(axis=1) @ places) / prepared.sum() == pytest.approx(14, abs=0.51)
    assert (prepared.sum(axis=0) @ places) / prepared.sum() == pytest.approx(14, abs=0.51)


def test_polarity_makes_no_difference(seven: Pixels) -> None:
    np.testing.assert_array_equal(prepare_image(png(255 - seven)), prepare_image(png(seven)))


def test_a_digit_that_covers_most_of_its_picture_is_not_inverted() -> None:
    light = np.zeros((60, 40), np.uint8)
    light[4:-4, 4:-4] = 255
    light[12:-12, 16:-16] = 0
    prepared = prepare_image(png(light))
    np.testing.assert_array_equal(prepare_image(png(255 - light)), prepared)
    assert prepared[14, 14] == 0
    assert prepared[14, 9] > 200


def transparent(seven: Pixels, colour: int) -> Image.Image:
    alpha = Image.fromarray(seven)
    return Image.merge("LA", (Image.new("L", alpha.size, colour), alpha))


PICTURES = {
    "RGB": lambda seven: Image.fromarray(255 - seven).convert("RGB"),
    "RGBA, opaque": lambda seven: Image.fromarray(255 - seven).convert("RGBA"),
    "RGBA, black ink on nothing": lambda seven: transparent(seven, 0).convert("RGBA"),
    "LA, white ink on nothing": lambda seven: transparent(seven, 255),
    "palette": lambda seven: Image.fromarray(255 - seven).convert("P"),
    "16 bit": lambda seven: Image.fromarray(65535 - seven.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_mode_gives_the_same_digit(kind: str, seven: Pixels) -> None:
    prepared = prepare_image(png(PICTURES[kind](seven)))
    assert difference(prepared, prepare_image(png(seven))) < 1


@pytest.mark.parametrize("dark_on_light", [False, True])
def test_a_card_in_a_transparent_margin_is_read_as_without_it(
    seven: Pixels, dark_on_light: bool
) -> None:
    card = Image.fromarray(255 - seven if dark_on_light else seven)
    picture = Image.new("LA", (160, 170))
    picture.paste(Image.merge("LA", (card, Image.new("L", card.size, 255))), (10, 10))
    np.testing.assert_array_equal(prepare_image(png(picture)), prepare_image(png(card)))


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("shape", ["bar", "frame"])
def test_ink_that_fills_its_box_is_no_card(shape: str, ink: int) -> None:
    drawn = np.zeros((140, 140), np.uint8)
    drawn[20:120, 50 : 70 if shape == "bar" else 110] = 255
    if shape == "frame":
        drawn[32:108, 62:98] = 0
    prepared = prepare_image(png(transparent(drawn, ink)))
    np.testing.assert_array_equal(prepared, prepare_image(png(drawn)))


def test_a_transparent_colour_of_a_palette_is_background(seven: Pixels) -> None:
    ink = Image.fromarray(np.where(seven > 127, 1, 0).astype(np.uint8), "L").convert("P")
    ink.putpalette([10, 10, 10, 0, 0, 0])
    prepared = prepare_image(png(ink, transparency=0))
    assert difference(prepared, prepare_image(png(seven))) < 4


def test_one_bit_a_pixel(seven: Pixels) -> None:
    prepared = prepare_image(png(Image.fromarray(seven > 127)))
    assert difference(prepared, prepare_image(png(seven))) < 4


def test_a_large_drawing_is_the_small_one(seven: Pixels) -> None:
    large = Image.fromarray(seven).resize((4096, 4096), Image.Resampling.BICUBIC)
    assert difference(prepare_image(png(large)), prepare_image(png(seven))) < 3


def test_noise_specks_and_grey_paper_do_not_move_the_digit(
    seven: Pixels, generator: np.random.Generator
) -> None:
    paper = 200 - 0.6 * seven + generator.normal(0, 12, seven.shape)
    noisy = np.clip(paper, 0, 255).astype(np.uint8)
    large = np.asarray(Image.fromarray(noisy).resize((560, 560), Image.Resampling.BICUBIC)).copy()
    large[tuple(generator.integers(0, 560, (2, 12)))] = 0
    assert difference(prepare_image(png(large)), prepare_image(png(seven))) < 4


def test_a_shaded_page_is_no_noise(seven: Pixels) -> None:
    shade = np.linspace(150, 250, 140)
    page = np.rint((1 - seven / 255) * shade).astype(np.uint8)
    assert difference(prepare_image(png(page)), prepare_image(png(seven))) < 4


def test_very_thick_strokes_are_thinned() -> None:
    image = Image.new("L", (280, 280))
    pen = ImageDraw.Draw(image)
    for x, y in zip(np.linspace(90, 190, 200), np.linspace(60, 220, 200), strict=True):
        pen.ellipse((x - 30, y - 30, x + 30, y + 30), fill=255)
    inked = (prepare_image(png(image)) > 127).sum(axis=1)
    assert np.median(inked[inked > 0]) < 5  # 6 if they are left as thick as they are


def test_28_rows_of_28_numbers() -> None:
    rows = [[0.0] * 28 for _ in range(28)]
    for row in rows[6:22]:
        row[13] = row[14] = 255
    bright = prepare_pixels(rows)
    dark = prepare_pixels([[255 - value for value in row] for row in rows])
    np.testing.assert_array_equal(bright, dark)
    assert bright.shape == (28, 28)
    assert bright.dtype == np.uint8


def test_integers_and_floats_are_the_same_pixels(mnist_test: tuple[Pixels, Pixels]) -> None:
    digit = mnist_test[0][0]
    np.testing.assert_array_equal(
        prepare_pixels(digit.tolist()), prepare_pixels(digit.astype(float).tolist())
    )


BAD_PIXELS = {
    "27 rows": ([[0] * 28] * 27, "got shape (27, 28)"),
    "unequal rows": ([[0] * 28] * 27 + [[0] * 27], "unequal"),
    "no list": (None, "got shape ()"),
    "text": ([["1"] * 28] * 28, "not numbers"),
    "null": ([[None] * 28] * 28, "not numbers"),
    "truth values": ([[True] * 28] * 28, "not numbers"),
    "NaN": ([[float("nan")] * 28] * 28, "NaN or infinity"),
    "infinity": ([[float("inf")] * 28] * 28, "NaN or infinity"),
    "negative": ([[-1] * 28] * 28, "from -1 to -1"),
    "divided by 255": ([[0.0] * 27 + [1.0]] * 28, "none above 1"),
    "too bright": ([[0] * 27 + [256]] * 28, "from 0 to 256"),
    "huge integer": ([[10**400] * 28] * 28, "not numbers"),
}


@pytest.mark.parametrize("case", BAD_PIXELS)
def test_bad_pixels_say_what_arrived(case: str) -> None:
    rows, got = BAD_PIXELS[case]
    with pytest.raises(DigitError, match="expected 28 rows of 28 numbers") as caught:
        prepare_pixels(rows)
    assert caught.value.code == "invalid_pixels"
    assert caught.value.status == 422
    assert got in caught.value.message
    assert "28 rows" in caught.value.hint


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_are_refused(level: int) -> None:
    with pytest.raises(DigitError, match="stands out") as caught:
        prepare_image(png(np.full((280, 280), level, np.uint8)))
    assert caught.value.code == "blank_image"
    with pytest.raises(DigitError, match="stands out"):
        prepare_pixels(np.full((28, 28), level))


def test_a_single_stray_pixel_is_blank() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[40, 40] = 255
    with pytest.raises(DigitError, match="a speck of 1 pixels") as caught:
        prepare_image(png(picture))
    assert caught.value.code == "blank_image"


def test_noisy_pictures_are_read_or_refused() -> None:
    generator = np.random.default_rng(0)
    read = 0
    for _ in range(200):
        height, width = generator.integers(8, 400, 2)
        noise = generator.normal(0, generator.choice([3, 8, 20]), (height, width))
        picture = generator.integers(0, 256) + noise
        row, column = generator.integers(0, height), generator.integers(0, width)
        picture[row : row + generator.integers(1, height), column : column + 2] = 255
        try:
            assert prepare_image(png(np.clip(picture, 0, 255).astype(np.uint8))).max() > 0
            read += 1
        except DigitError as error:
            assert error.code == "blank_image"  # noqa: PT017 - either is right
    assert read > 100
