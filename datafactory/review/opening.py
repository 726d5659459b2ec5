"""Opening: who reviews, and a browser on the page."""

from __future__ import annotations

import getpass
import os
import sys
import unicodedata
import webbrowser
from html import escape
from pathlib import Path

from datafactory.errors import UserError

LONGEST = 64  # characters of a name


def called(reviewer: str | None) -> str:
    """The reviewer's name: as given, else the login name."""
    if reviewer is None:
        try:
            reviewer = getpass.getuser()
        except (OSError, KeyError) as error:
            raise UserError("this login has no name; --reviewer NAME gives one") from error
    name = reviewer.strip()
    if not name or len(name) > LONGEST or any(unicodedata.category(each)[0] == "C" for each in name):
        raise UserError(f"--reviewer {reviewer!r}: a name has 1 to {LONGEST} characters that can be seen")
    return name


def open_browser(address: str, scratch: Path) -> None:
    """A browser with a window, where there is one. The address goes by a file of one's own: the token is not to stand
    among a process's arguments, where every user of the machine could read it."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    page = scratch / "open.html"
    page.write_text(f'<meta http-equiv="refresh" content="0; url={escape(address)}">', encoding="utf-8")
    webbrowser.open(page.as_uri())
