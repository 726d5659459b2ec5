r"""The policy tables of docs/verifiers/<verifier>.md are true: every row is run with the verifier the page is named after.

    Settings come from the paragraph above the table, where it says: With `{style: think_answer}`

    | gold | response | verdict | why |
    | --- | --- | --- | --- |
    | `1/2` | `\boxed{0.5}` | correct | equal as numbers |

Cells of gold and response stand in backticks, or in two where they hold one; `none` without backticks is null. In them
`\n` is a line break (but not in \neq and its like), `\|` a bar. Further columns before `gold` are fields of the problem
or the completion under their names, `choices` as a JSON list, `tests` and `meta` as JSON; a response is split from its
thinking as everywhere. Pages without such a table are none of this file's business.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from datafactory import plugins
from datafactory.chat import split_thinking
from datafactory.types import Problem

PAGES = Path(__file__).resolve().parents[2] / "docs" / "verifiers"
END = ("gold", "response", "verdict", "why")
FIELDS = {"question", "choices", "tests", "meta", "domain", "finish_reason"}
BAR = re.compile(r"(?<!\\)\|")
SPAN = re.compile(r"(`+) ?(.*?) ?\1", re.S)
BREAK = re.compile(r"\\n(?!(?:e|eq|eg|ot|otin|u|abla|mid|leq|geq|ewline)(?![A-Za-z]))")


@dataclass(frozen=True)
class Policy:
    """A row of a table."""

    page: Path
    line: int
    settings: dict[str, Any]
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def policies(page: Path) -> Iterator[Policy]:
    heading: list[str] | None = None
    settings: dict[str, Any] = {}
    paragraph: list[str] = []
    ended = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in BAR.split(line.strip())[1:-1]] if line.startswith("|") else []
        if not cells:
            heading = None
        elif tuple(cells[-4:]) == END and set(cells[:-4]) <= FIELDS:
            heading, settings = cells, settings_in(" ".join(paragraph))
        elif heading is not None and not set("".join(cells)) <= set("-: "):
            assert len(cells) == len(heading), f"{page.name}:{number} has {len(cells)} cells, not {len(heading)}"
            yield Policy(page, number, settings, dict(zip(heading, cells, strict=True)))
        if line.strip():
            paragraph = [*([] if ended else paragraph), line]
        ended = not line.strip()


def settings_in(paragraph: str) -> dict[str, Any]:
    found = re.search(r"\b[Ww]ith `(\{.*?\})`", paragraph)
    return yaml.safe_load(found[1]) if found and not paragraph.startswith("|") else {}


def text(cell: str) -> str | None:
    """What a cell spells."""
    if cell == "none":
        return None
    span = SPAN.fullmatch(cell)
    assert span, f"should stand in backticks, or be none: {cell}"
    return BREAK.sub("\n", span[2].replace("\\|", "|"))


ALL = [policy for page in sorted(PAGES.glob("*.md")) for policy in policies(page)]


@pytest.mark.parametrize("policy", ALL, ids=str)
def test_the_verdict_is_the_one_the_page_gives(policy: Policy):
    assert policy.page.stem in plugins.names("verifier"), f"{policy.page.name}: there is no such verifier"
    verifier = importlib.import_module(f"datafactory.verifiers.{policy.page.stem}")
    config = getattr(verifier, "Config", plugins.NoSettings)(**policy.settings)
    given = {name: text(cell) for name, cell in policy.cells.items() if name not in ("verdict", "why")}
    choices, meta = given.get("choices"), given.get("meta")
    problem = Problem(
        question=given.get("question") or "q",
        answer=given["gold"],
        tests=given.get("tests"),
        choices=tuple(json.loads(choices)) if choices else None,
        domain=given.get("domain"),
        meta=json.loads(meta) if meta else {},
    )
    completion = split_thinking(given["response"] or "", finish_reason=given.get("finish_reason") or "stop")
    verdict = verifier.verify(problem, completion, config)
    assert verdict.status == policy.cells["verdict"].strip("`"), f"{policy}: {verdict.detail}"


def test_what_a_table_spells_is_read(tmp_path: Path):
    page = tmp_path / "math.md"
    page.write_text(
        "Text.\n\nSo,\nwith `{timeout: 3}`:\n\n| choices | gold | response | verdict | why |\n| --- | --- | --- | --- | --- |\n"
        "| none | `a\\|b` | ``x`y\\nz \\neq \\nThe`` | correct | so |\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    (policy,) = policies(page)
    assert (str(policy), policy.settings) == ("math.md:8", {"timeout": 3})
    assert text(policy.cells["choices"]) is None and text(policy.cells["gold"]) == "a|b"
    assert text(policy.cells["response"]) == "x`y\nz \\neq \nThe"
