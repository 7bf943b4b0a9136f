"""Recipes in files: those this program wrote are taken back, and others refused in words."""

import codecs
import json

import numpy as np
import pytest

from app.errors import AppError
from app.recipes import from_file
from app.runs.recipe_files import network_file, recipe_json
from app.runs.run import Run
from app.storage.sealed import header_length, seal

RECIPE = {"format": "descent.recipe", "name": "Monday's"}


def test_a_file_is_no_json_however_long_its_header() -> None:
    metadata = {"recipe": json.dumps(RECIPE), "padding": ""}
    sealed = b"".join(seal({"weights": np.zeros(3)}, metadata))
    metadata["padding"] = "x" * (int.from_bytes(b" {", "little") - header_length(sealed))
    sealed = b"".join(seal({"weights": np.zeros(3)}, metadata))
    assert sealed.startswith(b" {\0\0\0\0\0\0{")
    assert from_file(sealed).name == "Monday's"


def test_a_run_s_own_files_are_taken_back(run: Run) -> None:
    for data in (network_file(run), json.dumps(recipe_json(run)).encode()):
        assert from_file(data).config.settings() == run.recipe.config


@pytest.mark.parametrize("before", [b"", codecs.BOM_UTF8, b" \r\n\t", codecs.BOM_UTF8 + b"\n"])
def test_json_may_begin_with_a_mark_or_blanks(before: bytes) -> None:
    assert from_file(before + json.dumps(RECIPE).encode()).name == "Monday's"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"{}", "a file that has no recipe in it"),
        (b'{"name": "x"}', "a file that has no recipe in it"),
        (b"".join(seal({}, {"recipe": "null"})), "a file that has no recipe in it"),
        (b"".join(seal({}, {"recipe": "[1]"})), "a file that has no recipe in it"),
        (b"".join(seal({}, {"other": "x"})), "a file that has no recipe in it"),
        (b'{"name":\n"x"', "a file whose JSON goes wrong in line 2"),
        (b'{"name": "\xff"}', "a file whose JSON cannot be read"),
        (b"\2\0\0\0\0\0\0\0{}", "a file that is damaged, or of another kind"),
        (b"\2\0\0\0\0\0\0\0[]", "a file that is damaged, or of another kind"),
        (b"hello", "a file that is damaged, or of another kind"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_words(data: bytes, found: str) -> None:
    with pytest.raises(AppError) as raised:
        from_file(data)
    assert raised.value.message.partition(", got ")[2] == found
    assert "Choose a .safetensors or .json file" in raised.value.hint
