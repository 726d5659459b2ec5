r"""docs/rewrite.md: its recipe, built as it stands there, and its tables of checks, every row run.

    | gold | response | rewrite | verdict | why |
    | --- | --- | --- | --- | --- |
    | `8` | `8` | `$14 - 8$ leaves \boxed{6} pens.` | answer | it was right, and is not |

The paragraph above a table says the rewriting, "With `summary`", and its settings; the verdict is `rewritten` or the
name of the check that fails. Cells are spelled as in tests/verifiers/test_policies.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from datafactory.plugins import Use
from datafactory.rewriting.checking import Checking
from datafactory.rewriting.checks import Rewrite
from datafactory.rewritings import ALL
from tests.conftest import REPOSITORY, command
from tests.test_docs import blocks
from tests.verifiers.test_policies import BAR, text

PAGE = REPOSITORY / "docs" / "rewrite.md"
ROW = {
    "question": "Tom had 14 pens and gave 6 away. How many pens are left?",
    "gold": "8",
    "reasoning": "Tom has 14 pens. He gives 6 away, so 14 - 6 = 8 pens are left.",
    "response": "8",
    "finish_reason": "stop",
}
NAMED = re.compile(r"[Ww]ith `(translate|conversational|summary|think)`")


def cases() -> Iterator[tuple[int, str, dict[str, Any], tuple[Use, ...], dict[str, str]]]:
    heading: list[str] | None = None
    paragraph: list[str] = []
    ended = False
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in BAR.split(line.strip())[1:-1]] if line.startswith("|") else []
        if not cells:
            heading = None
        elif cells[-3:] == ["rewrite", "verdict", "why"]:
            heading, told = cells, " ".join(paragraph)
            settings = yaml.safe_load(found[1]) if (found := re.search(r"`(\{[a-z_]+: .*?\})`", told)) else {}
            verifiers = (Use("verifier", "math"),) if "`verifiers: [math]`" in told else ()
            named = NAMED.findall(told)[-1]
        elif heading is not None and not set("".join(cells)) <= set("-: "):
            assert len(cells) == len(heading), f"line {number} has {len(cells)} cells, not {len(heading)}"
            yield number, named, settings, verifiers, dict(zip(heading, cells, strict=True))
        if line.strip():
            paragraph = [*([] if ended else paragraph), line]
        ended = not line.strip()


ALL_CASES = list(cases())


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: f"line {case[0]}")
def test_the_verdict_on_a_rewrite_is_the_one_the_page_gives(case: tuple[Any, ...]):
    number, name, settings, verifiers, cells = case
    given = {**ROW, **{key: text(cell) for key, cell in cells.items() if key not in ("verdict", "why")}}
    row = {**given, "answer": given["gold"]}
    use = Use("rewriting", name, settings=tuple(settings.items()))
    reason = given["finish_reason"]
    (checked,) = Checking(use, verifiers).checked(
        [Rewrite({**row, "finish_reason": "stop"}, given["rewrite"] or "", reason)]  # type: ignore[arg-type]
    )
    verdict = checked.fault.partition(":")[0] if checked.fault else "rewritten"
    assert verdict == cells["verdict"], f"line {number}: {checked.fault}"


def test_every_check_has_a_table_in_which_it_fails_and_one_row_that_passes():
    failing = {cells["verdict"] for *_, cells in ALL_CASES}
    assert failing == {*ALL, "rewritten"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for block in blocks(PAGE):
        if block.file and block.file != "fragment":
            (folder / block.file).write_text(block.text, encoding="utf-8")
    ended = command("build", "rewritten.yaml", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def rows(folder: Path, stage: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"outputs/rewritten/{stage}/shard-*.parquet")


def test_the_recipe_of_the_page_tells_and_solves_what_is_right(folder: Path):
    told = rows(folder, "told").sort("question")
    assert told["conversational"].to_list() == ["rewritten", "rewritten", "not_asked"]
    (tom,) = told.filter(pl.col("question").str.starts_with("Tom")).to_dicts()
    assert tom["conversational_detail"].startswith("after numbers: 9000 in ")
    published = pl.read_parquet(folder / "outputs/rewritten/dataset/data/*.parquet")
    math = published.filter(pl.col("domain") == "math")
    assert sorted(math["response"].to_list())[0].endswith("which gives \\boxed{180}.") and math.height == 2
    assert all(each.startswith("First I look at") for each in math["reasoning"])


def test_the_greeting_of_the_page_gets_no_chain_of_thought(folder: Path):
    thought = rows(folder, "thought")
    by = {row["question"][:2]: row for row in thought.iter_rows(named=True)}
    assert (by["Hi"]["think"], by["Hi"]["reasoning"], by["Hi"]["parent_id"]) == ("not_asked", None, None)
    assert by["Wr"]["think"] == "rewritten" and by["Wr"]["reasoning"].startswith("They want one warm")
