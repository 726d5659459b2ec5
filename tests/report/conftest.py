"""The story that the report's tests tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafactory.story import Story
from tests.report.stories import story


@pytest.fixture
def told(tmp_path: Path) -> Story:
    return story(tmp_path)
