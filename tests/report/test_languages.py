from __future__ import annotations

from pathlib import Path

import polars as pl

from datafactory.report.languages import UNTOLD, languages, sample
from datafactory.store import Draft
from datafactory.story import Chapter

ENGLISH = "The children went to the market with their mother and bought some bread and a little milk for the evening."
GERMAN = "Die Kinder gingen mit ihrer Mutter auf den Markt und kauften etwas Brot und ein wenig Milch für den Abend."
CHINESE = "孩子们和妈妈一起去市场，买了一些面包和一点牛奶，准备晚上吃。"


def merged(folder: Path, rows: pl.DataFrame, shards: int = 3) -> Chapter:
    draft = Draft(folder / "merge-x")
    draft.folder.mkdir()
    size = -(-rows.height // shards)
    for k in range(shards):
        draft.write(k, rows[k * size : (k + 1) * size])
    return Chapter("dataset", "merge", "f", draft.finish(shards, {"stage": "merge", "fingerprint": "f"}), (), {})


def test_questions_and_thinking_are_told_apart_by_language(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "problem": [ENGLISH] * 6 + [GERMAN] * 3 + [CHINESE] * 2 + ["$x^2$"],
            "reasoning": [ENGLISH] * 6 + [GERMAN, GERMAN, ENGLISH] + [CHINESE, ENGLISH] + [None],
        }
    )
    found = languages(merged(tmp_path, rows))
    assert found is not None and found.rows == 12
    assert found.questions == {"English": 6, "German": 3, "Chinese": 2, UNTOLD: 1}
    assert found.thinking == {"English": 8, "German": 2, "Chinese": 1}
    assert (found.same, found.both) == (9, 11)


def test_the_sample_is_of_all_files_bounded_and_the_same_each_time(tmp_path: Path) -> None:
    rows = pl.DataFrame({"problem": [f"row {at}" for at in range(900)], "reasoning": ["so"] * 900})
    chapter = merged(tmp_path, rows, shards=9)
    found = sample(chapter, most=45)
    assert found.height == 45 and found.equals(sample(chapter, most=45))
    places = [int(text.split()[1]) // 100 for text in found["question"]]
    assert sorted(set(places)) == list(range(9))
