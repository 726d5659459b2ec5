"""A real Chromium without a window, driven through the DevTools protocol over a pipe: no port, no library.

    with Browser() as browser:
        page = browser.page("file:///tmp/report.html")
        page.press("j")
        assert page.evaluate("document.title") == "..." and not page.errors

`needs_chromium` skips a test where none is installed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; $CHROMIUM may name one")
PATIENCE = 60.0  # seconds until something that never comes is given up on; a busy machine may be slow
# what a key is to a page; every other key is a letter, and its own text
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "Backspace": ("Backspace", 8, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
}
MODIFIERS = {"alt": 1, "ctrl": 2, "meta": 4, "shift": 8}


class Browser:
    """One Chromium with a profile of its own."""

    def __enter__(self) -> Browser:
        assert CHROMIUM is not None
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        (to_read, self._write), (self._read, to_write) = (map(_high, os.pipe()) for _ in range(2))
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={self._profile.name}"]
        # Chromium reads commands from descriptor 3 and answers on 4
        shell = f'exec "$@" 3<&{to_read} 4>&{to_write} {to_read}<&- {to_write}>&-'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", CHROMIUM, "--remote-debugging-pipe", *flags, "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._last = b"", 0
        self._pages: dict[str, Page] = {}
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._write)  # it ends when nobody is left to command it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        self._profile.cleanup()

    def page(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A new tab with that address, loaded."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        page.send("Page.setLifecycleEventsEnabled", enabled=True)
        page.resize(width, height, dark=dark)
        page.open(url)
        return page

    def send(self, method: str, params: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """The result of a command; RuntimeError with Chromium's own words where it refuses."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]
        until = time.monotonic() + PATIENCE
        while True:
            told = self.receive(until - time.monotonic())
            if told is None:
                raise RuntimeError(f"Chromium does not answer {method}")
            if told.get("id") == self._last:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return dict(told["result"])

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message, an event handed to its page on the way; None where none comes in that time."""
        while b"\0" not in self._buffer:
            if seconds < 0 or not select.select([self._read], [], [], seconds)[0]:
                return None
            content = os.read(self._read, 1 << 20)
            if not content:
                raise RuntimeError("Chromium ended")
            self._buffer += content
        line, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        if "method" in told and told.get("sessionId") in self._pages:
            self._pages[told["sessionId"]].heard(told["method"], told["params"])
        return told


def _high(descriptor: int) -> int:
    """The descriptor under a number that nothing else is given."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(descriptor)
    return high


class Page:
    """A tab. `errors` is what its console complained of, `requests` each address that it asked for."""

    def __init__(self, browser: Browser, session: str):
        self._browser, self._session = browser, session
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded: set[str] = set()

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, params, self._session)

    def heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".strip())
        elif method == "Page.lifecycleEvent" and params["name"] == "load":
            self._loaded.add(params["loaderId"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, url: str) -> None:
        told = self.send("Page.navigate", url=url)
        if told.get("errorText"):
            raise RuntimeError(f"{url}: {told['errorText']}")
        until = time.monotonic() + PATIENCE
        while told["loaderId"] not in self._loaded:
            if self._browser.receive(until - time.monotonic()) is None:
                raise RuntimeError(f"{url} does not load")

    def resize(self, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        """The window, narrow as a phone's or wide; in dark colours or light ones."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; of a promise, what it comes to."""
        told = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            details = told["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        """What the expression comes to as soon as it is true."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.evaluate(expression)
            except RuntimeError as error:
                if "context" not in str(error):  # between two pages there is none
                    raise
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"in {seconds:g} seconds never true: {expression}; errors: {self.errors}")
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Keys one after another: `j`, `Enter`, `ctrl+Enter`."""
        for spelled in keys:
            *held, key = spelled.split("+") if len(spelled) > 1 else [spelled]
            name, code, text = KEYS.get(key, (key, ord(key.upper()[0]), key))
            modifiers = sum(MODIFIERS[each] for each in held)
            about = {"key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
            about["code"] = name if key in KEYS else f"Key{key.upper()}" if key.isalpha() else ""
            typed = {"text": text, "unmodifiedText": text} if text and not modifiers & ~MODIFIERS["shift"] else {}
            self.send("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **about, **typed)
            self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        """Text where the cursor is."""
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """A real click in the middle of the element."""
        x, y = self.evaluate(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)});"
            " box.scrollIntoView({block: 'center', behavior: 'instant'}); const at = box.getBoundingClientRect();"
            " return [at.x + at.width / 2, at.y + at.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path, whole: bool = False) -> Path:
        """A PNG of the window, or of the whole page."""
        told = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))
        return path

    def close(self) -> None:
        self.send("Page.close")
