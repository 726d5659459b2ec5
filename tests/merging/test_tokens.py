"""Tokens are counted as the student reads them, once, and a chat template that drops what it is to learn is named."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from transformers import AutoTokenizer

from datafactory.errors import StageError
from datafactory.merging.tokens import missing
from datafactory.store import Dataset

from ..conftest import built, write_rows
from ..stages.merged import dataset, merged, row, rows, table
from ..tiny import CHATML, tiny_model

# as the R1 distilled models' own: an assistant's turn is what follows its thinking
R1_DISTILL = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% set content = m.content %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "<|Assistant|>{{ content }}<|end|>{% else %}<|User|>{{ m.content }}{% endif %}{% endfor %}"
)
# as Qwen3's own: the thinking of the last turn is kept, that of earlier ones is not
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% set content = m.content %}"
    "{% if m.role == 'assistant' and '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].split('<think>')[-1].strip('\\n') %}"
    "{% set said = content.split('</think>')[-1].lstrip('\\n') %}"
    "{% if loop.last %}<think>\n{{ thought }}\n</think>\n\n{{ said }}{% else %}{{ said }}{% endif %}"
    "{% else %}{{ content }}{% endif %}<|im_end|>\n{% endfor %}"
)
ONE_ROUND = "{% for m in messages[-2:] %}{{ m.content }}\n{% endfor %}"
NO_SYSTEM = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}{{ m.content }}{% endfor %}"
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": "<think>\nA greeting.\n</think>\n\nHello."},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny", "llama")


@pytest.fixture
def spoken(tmp_path: Path) -> Dataset:
    """Rows that think, rows that do not, rows of a conversation."""
    plain = [row(f"Say {n}", domain="general", reasoning=None) for n in range(4)]
    talk = [row(f"And {n}?", domain="general", history=json.dumps(TALK)) for n in range(3)]
    return dataset(tmp_path / "a", [*rows("math", 5, 2), *plain, *talk], shards=1, history=True)


def test_tokens_are_those_of_the_rendered_chat_and_sum_up_by_domain(tmp_path: Path, model: Path, spoken: Dataset):
    made = merged(tmp_path / "out", {"a": spoken}, tokenizer=str(model))
    tokenizer = AutoTokenizer.from_pretrained(model)
    for each in table(made).iter_rows(named=True):
        text = tokenizer.apply_chat_template(each["messages"], tokenize=False)
        assert each["tokens"] == len(tokenizer.encode(text, add_special_tokens=False)) > 10
    sums = dict(table(made).group_by("domain").agg(pl.col("tokens").sum()).iter_rows())
    assert {name: told["tokens"] for name, told in made.manifest["counts"]["domains"].items()} == sums

    first = table(merged(tmp_path / "one", {"a": spoken}, tokenizer=str(model)))
    places = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.parquet")}
    copies = {"math": 3, "general": {"rows": 12, "upsample": 2}}
    second = merged(tmp_path / "two", {"a": spoken}, tokenizer=str(model), mixture=copies)
    assert places and {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.parquet")} == places
    known = dict(first.select("trace_id", "tokens").iter_rows())
    assert all(known[trace] == count for trace, count in table(second).select("trace_id", "tokens").iter_rows())
    assert (
        second.manifest["counts"]["domains"]["general"]["tokens"]
        == table(second).filter(pl.col("domain") == "general")["tokens"].sum()
    )


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (R1_DISTILL, "drops the thinking of 13 of 17 rows of a"),
        (ONE_ROUND, "drops an earlier turn of 3 of 17 rows of a"),
        (NO_SYSTEM, r"fails \(no system turn\) on 3 of 17 rows of a"),
        (
            "{% for m in messages %}{{ m.role }}{% endfor %}",
            "drops the thinking of 13 .*; .* drops the answer of 4 of 17",
        ),
        ("{{ messages[0].content | uppr }}", r"fails \(No filter named 'uppr'.*\) on 17 of 17"),
    ],
)
def test_a_template_that_drops_what_is_to_be_learnt_is_named(
    tmp_path: Path, model: Path, spoken: Dataset, template: str, told: str
):
    with pytest.raises(StageError, match=f"`chat_template` {told}") as error:
        merged(tmp_path / "out", {"a": spoken}, tokenizer=str(model), chat_template=template)
    assert "`template: report` goes on" in str(error.value) and "\n" not in str(error.value)
    assert not list((tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize("template", [QWEN3, CHATML])
def test_a_template_that_keeps_the_last_turn_whole_is_sound(
    tmp_path: Path, model: Path, spoken: Dataset, template: str
):
    assert merged(tmp_path / "out", {"a": spoken}, tokenizer=str(model), chat_template=template).rows == 17


def test_what_a_template_drops_can_be_reported_instead(
    tmp_path: Path, model: Path, spoken: Dataset, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "own.jinja").write_text(R1_DISTILL)
    settings = {"tokenizer": "tiny", "chat_template": "own.jinja", "template": "report"}
    out = tmp_path / "out"
    out.mkdir()
    (out / "own.jinja").write_text(R1_DISTILL)
    (out / "tiny").symlink_to(model)
    assert merged(out, {"a": spoken}, **settings).rows == 17
    assert "`chat_template` drops the thinking of 13 of 17 rows" in capfd.readouterr().err.replace("\n", " ")


def test_rows_that_a_template_fails_on_have_no_count(tmp_path: Path, model: Path, spoken: Dataset):
    settings = {"tokenizer": str(model), "chat_template": NO_SYSTEM, "template": "report"}
    made = table(merged(tmp_path / "out", {"a": spoken}, **settings))
    assert made["tokens"].null_count() == 3 and made["tokens"].min() > 0


def test_a_model_of_the_recipe_lends_its_tokenizer(tmp_path: Path, model: Path):
    write_rows(tmp_path / "rows.jsonl", [{"ask": f"{n}?", "say": f"It is {n}."} for n in range(6)])
    (tmp_path / "r.yaml").write_text(
        f"name: told\nmodels:\n  base: {{model: {model}}}\nstages:\n"
        "  rows: {do: load, path: rows.jsonl, question: ask, response: say}\n"
        "  data: {do: merge, from: [rows], tokenizer: base}\n"
    )
    planned = built(tmp_path / "r.yaml")
    assert table(planned.steps["data"].dataset)["tokens"].min() > 5
    fingerprint = planned.steps["data"].fingerprint
    text = (tmp_path / "r.yaml").read_text()
    (tmp_path / "r.yaml").write_text(text.replace("tokenizer: base", f"tokenizer: {model}"))
    assert built(tmp_path / "r.yaml").steps["data"].fingerprint == fingerprint


def test_what_a_rendered_text_lacks_is_found():
    turns = [*TALK[1:], {"role": "user", "content": " And? "}, {"role": "assistant", "content": "x"}]
    assert missing("Hello? Hello. And? hm so", turns, "hm", "so") is None
    assert missing("Hello? Hello. And? so", turns, "hm", "so") == "the thinking"
    assert missing("Hello? Hello. And? hm", turns, "hm", "so") == "the answer"
    assert missing("Hello? Hello. hm so", turns, "hm", "so") == "the question"
    assert missing("Hello? And? hm so", turns, "hm", "so") == "an earlier turn"
