"""The command line: one clickable address, and refusals that say what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
import uvicorn
from typer.testing import CliRunner, Result

from app.cli import app
from app.settings import Settings
from app.web import files
from tests.support.server import keep_untrained_network, running_server


def refusal(*options: str | Path, **env: str) -> Result:
    """Run `descent serve` in this process, where it must refuse in words: no error comes out."""

    def run(*_: object, **__: object) -> None:
        raise AssertionError("it has begun to serve")

    given = ["serve", "--no-open", *map(str, options)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "run", run)
        try:
            return CliRunner().invoke(app, given, env=env, catch_exceptions=False)
        finally:
            structlog.reset_defaults()


def serve(
    *options: str | Path, first: str = "pass", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `descent serve` in a process that does not get to serve; `first` runs before it."""
    code = f"{first}; from app.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "serve", "--no-open", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **env},
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_the_first_line_is_one_address(tmp_path: Path) -> None:
    with running_server(keep_untrained_network(tmp_path), workers=1) as server:
        first = server.lines[0]
        assert first.startswith("Descent is at http://127.0.0.1:")
        assert first.count("http") == 1
        assert httpx2.get(f"{server.address}/healthz").json() == {"status": "ok"}


def test_an_ipv6_address_is_written_as_browsers_want_it(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with running_server(data_dir, "--host", "::1", workers=1) as server:
        assert server.address.startswith("http://[::1]:")
        assert httpx2.get(f"{server.address}/healthz").status_code == 200


def test_every_address_is_shown_as_localhost(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with running_server(data_dir, "--host", "0.0.0.0", workers=1) as server:
        assert server.address.startswith("http://localhost:")


def test_a_port_in_use_is_told_with_a_way_out(taken_port: int, tmp_path: Path) -> None:
    refused = serve("--port", str(taken_port), "--data-dir", tmp_path)
    assert refused.returncode == 1
    assert f"port {taken_port} of 127.0.0.1 is in use" in refused.stderr
    assert f"--port {taken_port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout


def test_a_data_directory_in_use_is_told_with_a_way_out(tmp_path: Path) -> None:
    with running_server(keep_untrained_network(tmp_path), workers=1) as server:
        hurry = "import app.storage.lock; app.storage.lock.WAIT_S = 0.2"
        refused = serve("--port", "0", "--data-dir", tmp_path, first=hurry)
        assert refused.returncode == 1
        assert f"another Descent uses {tmp_path}" in refused.stderr
        assert "--data-dir" in refused.stderr
        assert "Traceback" not in refused.stderr + refused.stdout
        server.kill()
        # Its workers may take a moment to notice; the directory is free at once.
        with running_server(tmp_path, workers=1) as next_server:
            assert httpx2.get(f"{next_server.address}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--port", "99999"], "port"),
        (["--port", "-1"], "port"),
        (["--workers", "0"], "workers"),
        (["--host", "256.0.0.1"], "256.0.0.1"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
        (["--host", "no..host"], "no..host"),
        (["--host", ""], "host"),
    ],
)
def test_bad_options_are_refused_in_one_line(options: list[str], word: str, tmp_path: Path) -> None:
    refused = refusal(*options, "--data-dir", tmp_path)
    assert refused.exit_code == 1
    assert word in refused.stderr
    assert refused.stderr.startswith("descent: ")
    assert refused.stderr.count("\n") == 1


def test_an_unknown_option_is_refused() -> None:
    refused = refusal("--threads", "4")
    assert refused.exit_code == 2
    assert "--threads" in refused.stderr


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    refused = refusal(APP_PORT="x", APP_DATA_DIR=str(tmp_path))
    assert refused.exit_code == 1
    assert "port" in refused.stderr


@pytest.mark.parametrize("days", ["inf", "nan", "1e300", "36501", "0.00001", "0", "-1", "soon"])
def test_days_that_no_run_can_be_kept_are_refused_in_words(tmp_path: Path, days: str) -> None:
    refused = refusal(APP_KEEP_DAYS=days, APP_DATA_DIR=str(tmp_path))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("descent: keep_days: Input should be ")
    assert f"got '{days}'" in refused.stderr


@pytest.mark.parametrize(
    "taken_away",
    [
        "import engine.mnist; engine.mnist._places = lambda: iter(())",
        "import app.resources; app.resources.BUILT /= 'nothing'",
    ],
    ids=["the data set", "the page's scripts"],
)
def test_what_setup_makes_is_missed_in_words(tmp_path: Path, taken_away: str) -> None:
    refused = serve("--port", "0", "--data-dir", tmp_path, first=taken_away)
    assert refused.returncode == 1
    assert "make setup" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_is_known_whether_a_source_is_newer_than_what_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.js").touch()
    monkeypatch.setattr(files, "STATIC", tmp_path)
    assert files.are_old()
    os.utime(tmp_path / "main.js", (0, 0))
    assert not files.are_old()


def test_help_names_the_options_and_all_other_settings() -> None:
    shown = serve("--help", TERM="dumb", COLUMNS="200")
    assert shown.returncode == 0
    assert "--no-open" in shown.stdout
    for name, field in Settings.model_fields.items():
        option, variable = f"--{name.replace('_', '-')} ", f"APP_{name.upper()}"
        assert option in shown.stdout or variable in shown.stdout
        assert field.description is not None
        assert field.description in shown.stdout
    assert "APP_IDLE_PAUSE_S (600): Seconds" in shown.stdout
