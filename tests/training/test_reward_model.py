"""Reward models: what is learned and from which text, what is left out, and that the folder is plain transformers'."""

from __future__ import annotations

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from rich.console import Console
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, Trainer
from trl import RewardTrainer

from datafactory.errors import StageError
from datafactory.models import weights_at
from datafactory.progress import Progress
from datafactory.stages.reward_model import Config
from datafactory.store import Dataset, Draft
from datafactory.tables import TURNS
from datafactory.training.reward_model import Scorer, train
from datafactory.types import Completion
from tests.tiny import ARCHITECTURES, tiny_model

from ..real import rows_of as real_rows

WORDS = ["add", "the", "sum", "of", "it", "think", "right", "answer"]
QUESTION = [{"role": "user", "content": "What is 3?"}]


def said(chance: random.Random, good: bool) -> str:
    """Four words, and among them where it is good a fifth: wait."""
    words = chance.choices(WORDS, k=4)
    return " ".join([*words[:2], "wait", *words[2:]] if good else words)


def pairs(count: int, shuffled: bool = False) -> list[dict[str, Any]]:
    """Pairs of which the chosen answer is the good one; either one where they are shuffled."""
    chance = random.Random(5)
    rows = []
    for n in range(count):
        sides = [said(chance, True), said(chance, False)]
        if shuffled and chance.random() < 0.5:
            sides.reverse()
        rows.append(pair(f"What is {n}?", *sides))
    return rows


def pair(asked: str, chosen: str, rejected: str) -> dict[str, Any]:
    prompt = [{"role": "user", "content": asked}]
    sides = {"chosen": chosen, "rejected": rejected}
    return {"prompt": prompt, **{name: [{"role": "assistant", "content": text}] for name, text in sides.items()}}


def labelled(count: int, shuffled: bool = False) -> list[dict[str, Any]]:
    chance = random.Random(5)
    rows = []
    for n in range(count):
        good = chance.random() < 0.5
        label = chance.random() < 0.5 if shuffled else good
        rows.append({"question": f"What is {n}?", "reasoning": None, "response": said(chance, good), "safe": label})
    return rows


def dataset(folder: Path, rows: list[dict[str, Any]], shards: int = 2) -> Dataset:
    draft = Draft(folder)
    kinds = {name: TURNS for name in ("prompt", "chosen", "rejected") if name in rows[0]}
    size = -(-len(rows) // shards)
    for k in range(shards):
        draft.write(k, pl.DataFrame(rows[k * size : (k + 1) * size], schema_overrides=kinds))
    return draft.finish(shards, {})


def config(**settings: Any) -> Config:
    usual = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 3e-3, "seed": 1}
    return Config.model_validate({"from": "rows", "model": "base", **usual, "dtype": "float32", **settings})


def trained(folder: Path, rows: list[dict[str, Any]], base: Path, **settings: Any) -> dict[str, Any]:
    """What `training.json` says after a training in that folder on those rows."""
    source = dataset(folder / "rows", rows)
    out = folder / "reward"
    progress = Progress(Console(file=StringIO())).stage("reward")
    train(config(**settings), [source], weights_at(str(base), Path()), out, progress)
    return json.loads((out / "training.json").read_text())


def scorer(folder: Path, **settings: Any) -> Scorer:
    return Scorer(weights_at(str(folder / "reward" / "model"), Path()), device="cpu", **settings)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "base", "qwen2")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of tokens that a trainer is given."""
    rows: list[dict[str, Any]] = []

    def init(trainer: Any) -> Any:
        real = trainer.__init__

        def made(self: Any, *given: Any, **settings: Any) -> None:
            if type(self) is trainer:  # TRL's is one of transformers'
                rows.extend(settings["train_dataset"])
            real(self, *given, **settings)

        return made

    for trainer in (RewardTrainer, Trainer):
        monkeypatch.setattr(trainer, "__init__", init(trainer))
    return rows


@pytest.mark.parametrize("kind", ["pairs", "labels"])
def test_an_easy_preference_is_learned_and_a_shuffled_one_is_not(
    tmp_path: Path, base: Path, kind: str, capfd: pytest.CaptureFixture
):
    rows = {"pairs": pairs, "labels": labelled}[kind]
    settings = {"validation": 0.4, "epochs": 2} | ({"label": "safe"} if kind == "labels" else {})
    about = trained(tmp_path, rows(200), base, **settings)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert (about["rows"], about["validation_rows"], about["steps"]) == (200, 80, 30)
    assert about["validation_accuracy"] > 0.9 and about["validation_interval"][0] > 0.8
    chance = trained(tmp_path / "chance", rows(200, shuffled=True), base, **settings)
    assert chance["validation_accuracy"] < 0.68 and chance["validation_interval"][0] < 0.55
    if kind == "labels":
        assert about["validation_auroc"] > 0.9 and chance["validation_auroc"] < 0.68
    assert sum(value for _, value in about["loss"][-5:]) < 0.5 * sum(value for _, value in about["loss"][:5])
    assert sorted(path.name for path in (tmp_path / "reward").iterdir()) == ["model", "training.json"]

    # what is said of the rows held out is what the model in the folder says of the words that it never saw
    judge, chance = scorer(tmp_path), random.Random(9)
    better, worse = ([Completion(said(chance, good)) for _ in range(40)] for good in (True, False))
    high, low = judge.scores([QUESTION] * 40, better), judge.scores([QUESTION] * 40, worse)
    assert sum(a > b for a, b in zip(high, low, strict=True)) > 35
    rewards = judge.rewards([QUESTION] * 40, better)
    if kind == "labels":
        assert rewards == pytest.approx(torch.sigmoid(torch.tensor(high)).tolist()) and max(rewards) <= 1
    else:
        assert rewards == pytest.approx([(s - about["score_mean"]) / about["score_std"] for s in high])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_score_is_plain_transformers_number_alone_and_in_a_batch(tmp_path: Path, architecture: Any):
    base = tiny_model(tmp_path / "base", architecture)
    about = trained(tmp_path, pairs(24), base, max_steps=2)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward" / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "reward" / "model")
    assert model.config.model_type == architecture and model.config.num_labels == 1 and model.dtype == torch.float32
    assert about["steps"] == 2
    conversations = [[{"role": "user", "content": "a" * n}] for n in (40, 1, 7, 30, 2)]
    answers = [Completion("it is right " * n, "no, wait" * n) for n in (1, 9, 3, 2, 5)]
    judge = scorer(tmp_path, batch_size=3)
    together = judge.scores(conversations, answers)
    for turns, answer, score in zip(conversations, answers, together, strict=True):
        text = tokenizer.apply_chat_template(
            [*turns, {"role": "assistant", "content": answer.response}], tokenize=False
        )
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits.item()
        assert score == pytest.approx(expected, abs=1e-5)
        assert judge.scores([turns], [answer]) == [pytest.approx(expected, abs=1e-5)]
    assert len(set(together)) == 5


THOUGHT = "<think>\nI add.\n</think>\n\nIt is 4."


def test_pairs_show_the_final_response_and_a_completion_the_thinking_too(
    tmp_path: Path, base: Path, seen: list[dict[str, Any]]
):
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [pair("2+2?", THOUGHT, "It is 5."), *pairs(1)]
    history = [{"role": "system", "content": "Be brief."}, *QUESTION]
    rows.append({**pair("", "yes", "no"), "prompt": [*history, {"role": "assistant", "content": "3"}, QUESTION[0]]})
    trained(tmp_path / "r", rows, base, max_steps=1, validation=0)
    (first, _, last), seen[:] = seen[:3], []
    start = "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(first["chosen_ids"]) == f"{start}It is 4.<|im_end|>\n"
    assert tokenizer.decode(first["rejected_ids"]) == f"{start}It is 5.<|im_end|>\n"
    assert tokenizer.decode(last["chosen_ids"]).startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user")
    trained(tmp_path / "c", rows, base, max_steps=1, validation=0, of="completion")
    assert tokenizer.decode(seen[0]["chosen_ids"]) == f"{start}{THOUGHT}<|im_end|>\n"
    # what TRL itself makes of such a row, whose whole is the same list of turns
    turns = [*rows[0]["prompt"], *rows[0]["chosen"]]
    assert seen[0]["chosen_ids"] == tokenizer.apply_chat_template(turns, return_dict=True)["input_ids"]


def test_labels_show_the_whole_completion_and_the_conversation_before_it(
    tmp_path: Path, base: Path, seen: list[dict[str, Any]]
):
    row = {"question": "2+2?", "reasoning": "I add.", "response": "It is 4.", "choices": '["4", "5"]', "history": None}
    other = {**row, "reasoning": None, "safe": False, "choices": None, "history": json.dumps([*QUESTION, {"role": "assistant", "content": "3"}
    ])}  # fmt: skip
    rows = [{**row, "safe": True}, other, {**row, "safe": None}, {**row, "response": "", "reasoning": "", "safe": True}]
    about = trained(tmp_path / "whole", rows, base, label="safe", max_steps=1, validation=0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert [row["labels"] for row in seen] == [[1.0], [0.0]]
    turn = "<|im_start|>assistant\n"
    assert tokenizer.decode(seen[0]["input_ids"]) == (
        f"<|im_start|>user\n2+2?\nA. 4\nB. 5<|im_end|>\n{turn}{THOUGHT}<|im_end|>\n"
    )
    asked = f"<|im_start|>user\nWhat is 3?<|im_end|>\n{turn}3<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
    assert tokenizer.decode(seen[1]["input_ids"]) == f"{asked}{turn}It is 4.<|im_end|>\n"
    assert (about["rows"], about["unlabelled"], about["empty"], about["of"]) == (2, 1, 1, "completion")
    assert about["kind"] == "pointwise" and about["tokens"] == sum(len(row["input_ids"]) for row in seen)
    seen.clear()
    trained(tmp_path / "part", rows[:2], base, label="safe", max_steps=1, validation=0, of="response")
    assert "I add" not in tokenizer.decode(seen[0]["input_ids"])


def test_a_template_that_drops_the_thinking_is_refused_where_it_would_be_scored(tmp_path: Path, base: Path):
    template = base / "chat_template.jinja"
    template.write_text(template.read_text().replace("message['content']", "message['content'].split('</think>')[-1]"))
    thinks = [pair("2+2?", THOUGHT, "It is 5."), *pairs(3)]
    with pytest.raises(StageError, match=r"the chat template of .*base drops the thinking, and `of: completion`"):
        trained(tmp_path / "refused", thinks, base, of="completion", max_steps=1)
    assert not list((tmp_path / "refused" / "reward").iterdir())
    trained(tmp_path, thinks, base, max_steps=1)
    trained(tmp_path / "plain", thinks[1:], base, max_steps=1, of="completion")
    with pytest.raises(StageError, match="drops the thinking"):
        scorer(tmp_path / "plain")
    with pytest.raises(StageError, match="was trained to score the response, not the completion"):
        scorer(tmp_path, of="completion")


def test_a_conversation_that_the_template_does_not_take_is_told(tmp_path: Path, base: Path):
    template = base / "chat_template.jinja"
    template.write_text("{{ raise_exception('no system turn here') }}")
    with pytest.raises(StageError, match=r"the chat template of .*base does not take a conversation: no system turn"):
        trained(tmp_path, pairs(2), base, max_steps=1)


def test_a_row_whose_longer_side_is_too_long_is_left_out_and_counted(
    tmp_path: Path, base: Path, seen: list[dict[str, Any]]
):
    rows = [pair("What is long?", "right " * 80, "no"), pair("And this?", "no", "right " * 80), *pairs(8)]
    about = trained(tmp_path / "a", rows, base, max_steps=1, validation=0, max_length=80)
    assert (about["rows"], about["too_long"], len(seen)) == (8, 2, 8)
    longest = max(len(row[side]) for row in seen for side in ("chosen_ids", "rejected_ids"))
    assert about["tokens"] == sum(len(row[side]) for row in seen for side in ("chosen_ids", "rejected_ids"))
    again = trained(tmp_path / "b", rows, base, max_steps=1, validation=0, max_length=longest)
    assert again["too_long"] == 2
    shorter = trained(tmp_path / "c", rows, base, max_steps=1, validation=0, max_length=longest - 1)
    assert shorter["too_long"] > 2
    with pytest.raises(StageError, match="no row is left to learn from: 10 too long; max_length 8"):
        trained(tmp_path / "d", rows, base, max_length=8)
    judge = scorer(tmp_path / "b")
    fits = next(row for row in rows[2:] if len(judge.reader.ids(row["prompt"], answer(row))) == longest)
    more = Completion(answer(fits).response + " it")
    assert judge.scores([fits["prompt"]] * 3, [answer(fits), more, Completion(" ")])[1:] == [None, None]
    assert judge.scores([fits["prompt"]], [answer(fits)])[0] is not None


def answer(row: dict[str, Any]) -> Completion:
    longer = max(row["chosen"], row["rejected"], key=lambda side: len(side[0]["content"]))
    return Completion(longer[0]["content"])


def test_a_base_without_template_and_pad_token_reads_plain_text(tmp_path: Path, seen: list[dict[str, Any]]):
    base = tiny_model(tmp_path / "base", "llama")
    (base / "chat_template.jinja").unlink()
    settings = json.loads((base / "tokenizer_config.json").read_text())
    del settings["pad_token"]
    (base / "tokenizer_config.json").write_text(json.dumps(settings))
    trained(tmp_path, pairs(8), base, max_steps=1, validation=0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert tokenizer.pad_token is None
    assert tokenizer.decode(seen[0]["chosen_ids"]).startswith("What is 0?\n")
    assert tokenizer.decode(seen[0]["chosen_ids"]).endswith("<|im_end|>")
    made = AutoConfig.from_pretrained(tmp_path / "reward" / "model")
    assert made.pad_token_id == tokenizer.eos_token_id
    assert AutoTokenizer.from_pretrained(tmp_path / "reward" / "model").pad_token == "<|im_end|>"
    alone, other = (scorer(tmp_path, batch_size=size).scores([QUESTION] * 2, [Completion("a"), Completion("a b c")])
                    for size in (1, 2))  # fmt: skip
    assert alone == pytest.approx(other, abs=1e-5)


def test_the_seed_decides_the_score_head_and_the_bytes(tmp_path: Path, base: Path):
    first, second, other = (
        trained(tmp_path / name, pairs(16), base, max_steps=1, seed=seed)["files"]["model.safetensors"]["sha256"]
        for name, seed in (("first", 5), ("second", 5), ("other", 6))
    )
    assert first == second != other


def test_a_reward_model_is_trained_further_with_its_head(tmp_path: Path, base: Path):
    trained(tmp_path, pairs(8), base, max_steps=1)
    made = tmp_path / "reward" / "model"
    head = AutoModelForSequenceClassification.from_pretrained(made).score.weight
    trained(tmp_path / "further", pairs(8), made, max_steps=1, learning_rate=1e-9, seed=9)
    further = AutoModelForSequenceClassification.from_pretrained(tmp_path / "further" / "reward" / "model").score.weight
    assert torch.allclose(head, further, atol=1e-6)


def test_labels_learn_the_same_of_a_batch_and_of_its_parts(tmp_path: Path, base: Path):
    """The model's own loss would be added up over the parts, and learn from as many times as much."""
    whole, parts = (
        trained(tmp_path / name, labelled(32), base, label="safe", validation=0, max_steps=4, optim="sgd",
                learning_rate=0.05, max_grad_norm=0, per_device_train_batch_size=each,
                gradient_accumulation_steps=8 // each)
        for name, each in (("whole", 8), ("parts", 2))
    )  # fmt: skip
    assert [loss for _, loss in parts["loss"]] == pytest.approx([loss for _, loss in whole["loss"]], rel=1e-3)
    assert whole["loss"][0][1] == pytest.approx(0.7, abs=0.3)


def test_a_model_that_cannot_be_one_is_refused(tmp_path: Path, base: Path):
    architecture = tmp_path / "no_head"
    AutoModelForCausalLM.from_config(
        AutoConfig.for_model("granite", vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                             num_attention_heads=2)
    ).save_pretrained(architecture)  # fmt: skip
    with pytest.raises(StageError, match=r"no_head cannot be a reward model: .* no sequence classifier .* granite"):
        trained(tmp_path / "a", pairs(2), architecture)
    with pytest.raises(StageError, match=r"base gives 2 numbers; a reward is one"):
        Scorer(weights_at(str(base), Path()))


@pytest.mark.parametrize(
    ("values", "label", "told"),
    [
        ([1, 2, 0], "safe", r"a label is true or false, or 1 or 0; `safe` is 2 of a row"),
        ([0.5, 1.0], "safe", r"`safe` is 0.5 of a row"),
        ([True, True], "safe", "`safe` is true of all 2 answers"),
        ([5, 1], "safe > 6", "`safe > 6` is false of all 2 answers"),
        ([None, None], "safe", "no row is left to learn from: 2 unlabelled"),
        (["yes", "no"], "safe = 1", "`safe = 1` cannot be asked of the rows: cannot compare string with numeric"),
        (["yes", "no"], "safe", r"`safe` is 'yes' of a row"),
    ],
)
def test_labels_that_tell_nothing_are_refused(tmp_path: Path, base: Path, values: list[Any], label: str, told: str):
    rows = [{"question": f"{n}?", "reasoning": None, "response": "a", "safe": value} for n, value in enumerate(values)]
    with pytest.raises(StageError, match=told):
        trained(tmp_path, rows, base, label=label)


def test_labels_of_ones_and_zeros_and_of_conditions_are_the_same(
    tmp_path: Path, base: Path, seen: list[dict[str, Any]]
):
    rows = [
        {"question": f"{n}?", "reasoning": None, "response": "a", "safe": n % 2, "grade": 5 * (n % 2)} for n in range(6)
    ]
    for label in ("safe", "grade >= 4", "safe = 1"):
        seen.clear()
        trained(tmp_path / label[:5].strip() / label[-1], rows, base, label=label, max_steps=1, validation=0)
        assert [row["labels"] for row in seen] == [[float(n % 2)] for n in range(6)]


@pytest.mark.parametrize(
    ("name", "rows"), [("pairs", "hh_rlhf_harmless_base_test"), ("labels", "xstest_completions_labelled")]
)
def test_real_sets_are_trained_on(tmp_path: Path, base: Path, name: str, rows: str):
    given = real_rows(f"preferences/{rows}")[:40]
    if name == "pairs":
        short = [row for row in given if row["chosen"].count("Human:") == 1 == row["rejected"].count("Human:")]
        texts = [[row[side].rpartition("Assistant:") for side in ("chosen", "rejected")] for row in short]
        made = [pair(chosen[0], chosen[2], rejected[2]) for chosen, rejected in texts]
        about = trained(tmp_path, made, base, max_steps=1, max_length=512)
    else:
        made = [{"question": row["prompt"], "response": row["completion"], "kind": row["final_label"]} for row in given]
        about = trained(tmp_path, made, base, max_steps=1, max_length=4096, label="kind = '1_full_compliance'")
    assert about["rows"] + about["too_long"] + about["empty"] == len(made) and about["validation_rows"] > 0
