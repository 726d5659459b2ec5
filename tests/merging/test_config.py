"""What cannot be right about a mixture is said while the recipe is read, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafactory.errors import UserError
from datafactory.recipe import read_recipe

from ..conftest import write_rows

RECIPE = """stages:
  a: {do: load, path: rows.jsonl, question: ask, response: say, domain: math}
  b: {do: load, path: rows.jsonl, question: ask, response: say, domain: general}
  data:
    do: merge
    from: [a, b]
    %s
"""


def mistakes(tmp_path: Path, settings: str) -> list[str]:
    write_rows(tmp_path / "rows.jsonl", [{"ask": "1?", "say": "1"}])
    (tmp_path / "r.yaml").write_text(RECIPE % settings.replace("\n", "\n    "))
    try:
        read_recipe(tmp_path / "r.yaml")
    except UserError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    "settings",
    [
        "mixture: {math: 395285, code: {rows: 211129, upsample: 2}, general: {share: 0.22, floor: 100, cap: 180000}}",
        "mixture: {math: {}, general: {by: source, within: {wiki: {cap: 20000}}}}",
        "by: dataset\nmixture: {a: 0.85, b: 0.15}",
        "by: source\nmixture: {wiki: 10, null: 5}\nother: take",
        "rows: 1000\nmixture: {math: 0.5, general: {}}",
        "validation: {problems: 10}\nprefer: completion_tokens desc\napart: 100\nshard_bytes: 100000000",
        "tokenizer: Qwen/Qwen2.5-7B\ntemplate: report",
    ],
)
def test_a_sound_mixture_is_taken(tmp_path: Path, settings: str):
    assert mistakes(tmp_path, settings) == []


@pytest.mark.parametrize(
    ("settings", "line", "told"),
    [
        (
            "mixture: {math: {rows: 10, flor: 3}}",
            7,
            "mixture.math.flor: no setting named 'flor'. Did you mean 'floor'?",
        ),
        ("mixture: {math: {floor: 9, cap: 3}}", 7, "mixture.math: has a floor of 9, which is above its cap of 3"),
        ("mixture: {math: {rows: 9, share: 0.1}}", 7, "has both `rows` and `share`"),
        ("mixture: {math: {rows: 9, cap: 3}}", 7, "has 9 rows, which is above its cap of 3"),
        ("mixture:\n  math: 0.7\n  code: 0.6", 7, "has shares that sum to 1.3"),
        ("mixture: {math: 0.5, code: 0.3}", 7, "sum to 0.8, and nothing makes up the rest"),
        ("mixture: {math: 1.0, code: 3}", 7, "leaves no room for the other parts"),
        ("mixture: {math: 0.5, code: {}}", 7, "say `rows`, what the whole comes to"),
        ("rows: 10\nmixture: {math: 20}", 7, "is 10, and the parts ask for 20 at least"),
        ("rows: 100\nmixture: {math: 20}", 7, "is 100, and the parts ask for 20 together"),
        (
            "mixture: {math: lots}",
            7,
            "mixture.math: should be a number of rows, a share below 1, or settings, not 'lots'",
        ),
        ("mixture: {math: 1.5}", 7, "mixture.math.share: should be less than or equal to 1"),
        ("mixture: {math: {rows: 9, by: source}}", 7, "needs both `by`, a column, and `within`"),
        ("mixture: {math: {by: colour, within: {red: 1}}}", 7, "mixture.math.by: no column named 'colour'"),
        ("mixture: {math: {rows: 5, by: source, within: {x: 6}}}", 7, "asks for 6 rows at least, and takes 5 at most"),
        ("by: dataset\nmixture: {a: 0.85, c: 0.15}", 8, "mixture.c: 'c' is not in `from`."),
        ("by: dataset\nmixture: {a: 5}", 8, "says nothing of 'b'"),
        ("by: colour\nmixture: {a: 5}", 7, "by: no column named 'colour'"),
        ("rows: 10", 7, "rows: is about a `mixture`, and there is none"),
        ("shares: {a: 0.85, b: 0.15}", 7, "no setting named 'shares'"),
        ("shortfall: shrink\nmixture: {math: 1}", 7, "shortfall: should be 'fail', 'scale' or 'report'"),
        ("validation: {problems: 5, share: 0.1}", 7, "needs `problems`, a number, or `share`"),
        ("validation: {share: 1.2}", 7, "validation.share: should be less than 1"),
        ("prefer: clarity desc", 7, "prefer: no column named 'clarity'"),
        ("prefer: rollout downwards", 7, "should be a column, or a column and `desc`"),
        ("shuffle: false\napart: 5", 8, "apart: is about a shuffled order"),
        ("tokenizer: ./nowhere", 7, "tokenizer: there is no model folder"),
        ("template: report", 7, "template: is about a `tokenizer`, and there is none"),
        ("tokenizer: Qwen/Qwen2.5-7B\nchat_template: gone.jinja", 8, "chat_template: there is no"),
    ],
)
def test_what_cannot_be_right_is_said_with_its_line(tmp_path: Path, settings: str, line: int, told: str):
    assert any(f"r.yaml:{line}: stages.data" in found and told in found for found in mistakes(tmp_path, settings))


def test_all_mistakes_are_said_at_once(tmp_path: Path):
    assert len(mistakes(tmp_path, "mixture: {math: {floor: 9, cap: 3}, code: {rows: -1}}\nprefer: x\napart: -1")) == 4
