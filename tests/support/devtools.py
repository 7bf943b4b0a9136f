"""A Chromium driven by its DevTools protocol, with nothing switched on that is not asked for.

Playwright listens to the network of every page, so each message on a page's socket is encoded once
more and sent on by the page's own main thread. Who measures that thread has to do without.
"""

import contextlib
import itertools
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.chromium import LAUNCH_ARGUMENTS, find_chromium
from tests.support.server import wait_until

START_S = 60.0


class DevToolsError(RuntimeError):
    """What was asked for was refused, or a script of the page's failed."""


class Browser:
    """A running Chromium."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer; events that come meanwhile are dropped."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise DevToolsError(f"{method}: {answer['error']['message']}")
            result: dict[str, Any] = answer["result"]
            return result

    @property
    def version(self) -> str:
        """Its name and number."""
        return str(self.send("Browser.getVersion")["product"])

    @contextlib.contextmanager
    def visit(self, width: int = 1440, height: int = 900) -> Iterator["Tab"]:
        """A tab as a new visitor has it: nothing is cached, there are no cookies."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, attached["sessionId"])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        tab.send("Emulation.setDeviceMetricsOverride", **size)
        tab.send("Page.enable")
        try:
            yield tab
        finally:
            self.send("Target.disposeBrowserContext", browserContextId=context)


class Tab:
    """One page in it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask something of the page."""
        return self._browser.send(method, self._session, **params)

    def before_scripts(self, script: str) -> None:
        """A script that runs in every page before its own."""
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def goto(self, address: str) -> None:
        """Begin to load a page."""
        failed = self.send("Page.navigate", url=address).get("errorText")
        if failed:
            raise DevToolsError(f"{address}: {failed}")

    def evaluate(self, expression: str) -> Any:
        """What an expression comes to in the page; a promise is waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {})
            raise DevToolsError(str(thrown.get("description", answer["exceptionDetails"]["text"])))
        return answer["result"].get("value")

    def metrics(self) -> dict[str, float]:
        """What the page has cost so far: counts, and seconds of its main thread, by name."""
        self.send("Performance.enable")
        found = self.send("Performance.getMetrics")["metrics"]
        return {metric["name"]: metric["value"] for metric in found}


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless Chromium for the time of a `with` block, with a profile of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(find_chromium(), *LAUNCH_ARGUMENTS, "--headless", "--no-default-browser-check"),
                *("--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = _address(Path(profile))
            with connect(address, compression=None, max_size=None, proxy=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            process.wait()


def _address(profile: Path) -> str:
    """Where it listens, which it writes into its profile."""
    file = profile / "DevToolsActivePort"

    def written() -> bool:
        return file.exists() and "\n/" in file.read_text(encoding="ascii")

    wait_until(written, within=START_S, what="Chromium to start")
    port, path = file.read_text(encoding="ascii").split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"
