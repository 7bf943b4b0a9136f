"""Find a Chromium for the page tests: `python -m tests.support.chromium` prints its path."""

import os
import shutil
import sys
from pathlib import Path

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LAUNCH_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class ChromiumMissingError(RuntimeError):
    """No Chromium was found on this machine."""


def find_chromium() -> Path:
    """Return the browser that CHROMIUM names, the system's, or the one Playwright installed."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise ChromiumMissingError(
                f"expected CHROMIUM to name a browser that can be run, got {named!r}; "
                "correct it or unset it"
            )
        return Path(found)
    for name in SYSTEM_NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    own = _playwright_chromium()
    if own is not None:
        return own
    raise ChromiumMissingError(
        f"expected CHROMIUM, one of {', '.join(SYSTEM_NAMES)}, or Playwright's own build, "
        "found none; run `make browser`"
    )


def _playwright_chromium() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


if __name__ == "__main__":
    try:
        print(find_chromium())  # noqa: T201 - this is the command's answer
    except ChromiumMissingError as error:
        sys.exit(str(error))
