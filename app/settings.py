"""Settings of the server: `APP_*` variables, or the options of `descent serve`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.team import available_cores


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "descent"


class Settings(BaseSettings):
    """Every setting has a default that suits one classroom."""

    model_config = SettingsConfigDict(env_prefix="APP_")

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any.")
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Where runs and networks are kept.",
    )
    workers: int = Field(
        default_factory=available_cores,
        ge=1,
        le=64,
        description="Worker processes that train; one a core.",
    )
    threads: int = Field(
        default_factory=lambda: max(1, available_cores() - 1),
        ge=1,
        le=64,
        description="Cores that a run which trains alone may use; all but one by default.",
    )
    max_runs: int = Field(default=64, ge=1, description="Runs open at once.")
    max_visitor_runs: int = Field(
        default=32,
        ge=1,
        description="Runs of one visitor open at once; the rest is left to others.",
    )
    max_viewers: int = Field(default=64, ge=1, description="Viewers of one run at once.")
    max_kept_runs: int = Field(
        default=100, ge=1, description="Runs kept for one visitor; the least used go first."
    )
    keep_days: float = Field(
        default=30,
        ge=0.01,
        le=36_500,
        description="Days for which a run is kept after it was last used, to a hundred years.",
    )
    history_mb: int = Field(
        default=96, ge=0, description="Disk for a run's checkpoints, in megabytes."
    )
    idle_pause_s: float = Field(
        default=600,
        gt=0,
        description="Seconds after which a playing run that nobody asks for pauses.",
    )
    left_pause_s: float = Field(
        default=30, gt=0, description="Seconds after which one whose last viewer has left pauses."
    )
    run_ttl_s: float = Field(
        default=4 * 3600,
        gt=0,
        description="Seconds after which a run that nobody looks at rests on disk.",
    )
