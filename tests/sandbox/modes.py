"""The ways to a sandbox that this machine has; the others are skipped, with the reason."""

from __future__ import annotations

import pytest

from datafactory.sandbox import Mode, Unavailable, demand


def _trouble(mode: Mode) -> str:
    try:
        demand(mode)
    except Unavailable as error:
        return str(error)
    return ""


def way(mode: Mode) -> object:
    trouble = _trouble(mode)
    return pytest.param(mode, marks=pytest.mark.skipif(bool(trouble), reason=trouble))


WALLED = [way("bubblewrap"), way("namespaces")]
ALL = [*WALLED, way("none")]
