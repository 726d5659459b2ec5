"""Weights drawn at random: a folder that plain transformers loads, the same from the same file, and one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from datafactory.errors import StageError, UserError
from datafactory.models import weights_at, weights_named
from datafactory.vocabulary import cut
from tests.conftest import REPOSITORY
from tests.tiny import CHATML, tiny_model

SHAPE = {
    "model_type": "qwen2",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
TEXT = "What is 3 + 4? <think>\nIt is 7.\n</think>\n\n\\boxed{7} ... 7 °C"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAFACTORY_CACHE", str(tmp_path / "cache"))
    tiny_model(tmp_path / "whose", "llama")
    return tmp_path


def written(folder: Path, name: str = "student.json", config: dict[str, Any] | None = None, **keys: Any) -> str:
    """The reference of a file that says so; a setting that is None is left out."""
    settings = {key: value for key, value in {**SHAPE, **(config or {})}.items() if value is not None}
    content = {"tokenizer": "whose", "config": settings, **keys}
    (folder / name).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return f"init:{name}"


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3"])
def test_plain_transformers_loads_what_was_drawn(folder: Path, architecture: str):
    place = weights_at(written(folder, config={"model_type": architecture}), folder).fetch()
    tokenizer, model = AutoTokenizer.from_pretrained(place), AutoModelForCausalLM.from_pretrained(place)
    theirs = AutoTokenizer.from_pretrained(folder / "whose")
    assert (model.config.model_type, model.config.hidden_size, model.dtype) == (architecture, 16, torch.float32)
    assert model.config.vocab_size == len(theirs) == model.get_input_embeddings().num_embeddings
    assert model.generation_config.eos_token_id == model.config.eos_token_id == theirs.eos_token_id
    ids = tokenizer(TEXT)["input_ids"]
    assert ids == Tokenizer.from_file(f"{place}/tokenizer.json").encode(TEXT).ids, "every reader splits alike"
    assert tokenizer.decode(ids) == TEXT and tokenizer.chat_template == CHATML
    assert tokenizer.get_vocab() == theirs.get_vocab()
    said = model.generate(torch.tensor([ids]), max_new_tokens=2, do_sample=False)
    assert said.shape[1] > len(ids)


def test_the_same_file_draws_the_same_weights_and_another_seed_others(folder: Path):
    def weights(reference: str, again: str) -> dict[str, torch.Tensor]:
        torch.manual_seed(hash(again))  # whatever was drawn before
        return AutoModelForCausalLM.from_pretrained(weights_at(reference, folder).fetch()).state_dict()

    first = weights(written(folder), "first")
    for made in (folder / "cache" / "models").iterdir():
        made.rename(folder / f"gone{made.name}")
    assert all(first[name].equal(value) for name, value in weights(written(folder), "second").items())
    other = weights(written(folder, seed=1), "third")
    assert not first["model.embed_tokens.weight"].equal(other["model.embed_tokens.weight"])


def test_drawing_leaves_the_chance_of_others_alone(folder: Path):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    weights_at(written(folder), folder).fetch()
    assert torch.rand(1).equal(expected)


def test_it_is_drawn_once(folder: Path):
    weights = weights_at(written(folder), folder)
    place = Path(weights.fetch())
    before = (place / "model.safetensors").stat().st_mtime_ns
    assert weights.fetch() == weights_at("init:student.json", folder).fetch() == str(place)
    assert (place / "model.safetensors").stat().st_mtime_ns == before
    assert [path for path in place.parent.iterdir() if path.is_dir()] == [place]


def test_everything_that_decides_the_weights_counts_and_the_name_does_not(folder: Path):
    def identity(**said: Any) -> str:
        return weights_named(written(folder, **said), folder).identity

    usual = identity()
    assert identity(name="other.json") == usual
    others = [identity(seed=1), identity(config={"hidden_size": 32}), identity(vocabulary=300)]
    template = folder / "whose" / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert len({usual, *others, identity()}) == 5


def test_nothing_is_drawn_or_imported_to_read_a_reference(folder: Path):
    written(folder, config={"hidden_size": 15})
    script = (
        "import sys; from pathlib import Path; from datafactory.models import weights_named; "
        f"weights_named('init:student.json', Path({str(folder)!r})); "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ran.stdout.strip() == "[]" and not (folder / "cache").exists()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"config": {"model_type": "qwen9"}}, r"config.model_type: transformers has no .* 'qwen9'. Did you mean 'qwen"),
        ({"config": {"model_type": "vit"}}, r"config.model_type: transformers has no causal language model 'vit'"),
        ({"config": {"model_type": None}}, 'config: .*"model_type" is missing'),
        ({"config": {"hiden_size": 16}}, r"config.hiden_size: no setting of qwen2. Did you mean 'hidden_size'"),
        ({"config": {"hidden_size": 18}}, r"config.hidden_size: 18 is no multiple of num_attention_heads, 4"),
        ({"config": {"num_key_value_heads": 3}}, r"num_attention_heads: 4 is no multiple of num_key_value_heads, 3"),
        ({"config": {"hidden_size": "16"}}, r"config: no qwen2 can be built: .*'hidden_size' expected int, got str"),
        ({"config": {"hidden_act": "relo"}}, r"config: no qwen2 can be built: .*relo"),
        ({"config": {"hidden_size": 0}}, r"config.hidden_size: should be above 0, not 0"),
        ({"config": {"dtype": "float31"}}, r"config.dtype: should be float32 or bfloat16, not 'float31'"),
        ({"config": {"vocab_size": 99}}, '"vocab_size" is the tokenizer\'s: leave it out'),
        ({"sede": 3}, "sede: no setting named 'sede'. Did you mean 'seed'"),
        ({"tokenizer": None}, "tokenizer: is missing"),
        ({"tokenizer": "./whom"}, r"student.json: tokenizer: there is no model folder .*whom. Did you mean 'whose'"),
        ({"seed": -1}, "seed: .*not -1"),
    ],
)
def test_a_file_that_says_no_model_is_one_line_before_anything_is_drawn(
    folder: Path, said: dict[str, Any], message: str
):
    with pytest.raises(UserError, match=message) as told:
        weights_at(written(folder, **said), folder)
    assert "\n" not in str(told.value) and "student.json" in str(told.value)
    assert not (folder / "cache").exists()


def test_a_file_that_is_not_there_or_no_json_is_told(folder: Path):
    written(folder)
    with pytest.raises(UserError, match=r"there is no file .*studnt.json. Did you mean 'student.json'"):
        weights_at("init:studnt.json", folder)
    (folder / "bad.json").write_text("{'config'")
    with pytest.raises(UserError, match=r"bad.json is no JSON: .*line 1"):
        weights_at("init:bad.json", folder)


def test_a_cut_vocabulary_says_the_same_text_in_the_whole_ones_first_tokens(folder: Path):
    whole = AutoTokenizer.from_pretrained(folder / "whose")
    assert len(whole) > 280
    short = cut(whole, 280)
    assert len(short) == 280 and short.chat_template == whole.chat_template
    for text in (TEXT, TEXT * 3, "ÿ <|im_start|>user\nnaïve 漢字<|im_end|>"):
        assert short.decode(short(text)["input_ids"]) == text
        assert max(short(text)["input_ids"]) < 280
    assert len(short(TEXT)["input_ids"]) > len(whole(TEXT)["input_ids"])
    assert (short.eos_token, short.pad_token) == (whole.eos_token, whole.pad_token)
    assert cut(whole, len(whole))(TEXT)["input_ids"] == whole(TEXT)["input_ids"]
    kept = sorted(short.get_vocab(), key=short.get_vocab().get)
    assert kept == sorted(whole.get_vocab(), key=whole.get_vocab().get)[:280]


def test_special_tokens_behind_the_others_are_kept(folder: Path):
    """As Qwen's, which number theirs last."""
    whole = AutoTokenizer.from_pretrained(folder / "whose")
    whole.add_special_tokens({"additional_special_tokens": ["<|late|>"]})
    short = cut(whole, 270)
    assert short.convert_tokens_to_ids("<|late|>") == 269 and len(short) == 270
    assert short("a<|late|>b")["input_ids"] == [*short("a")["input_ids"], 269, *short("b")["input_ids"]]


def test_a_student_with_a_cut_vocabulary_is_as_small_as_that(folder: Path):
    place = weights_at(written(folder, vocabulary=270), folder).fetch()
    tokenizer, model = AutoTokenizer.from_pretrained(place), AutoModelForCausalLM.from_pretrained(place)
    assert len(tokenizer) == model.config.vocab_size == model.get_input_embeddings().num_embeddings == 270
    assert tokenizer.decode(tokenizer(TEXT)["input_ids"]) == TEXT
    assert model.config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>")


@pytest.mark.parametrize("size", [100, 5000])
def test_a_vocabulary_that_cannot_be_cut_so_is_told(folder: Path, size: int):
    weights = weights_at(written(folder, vocabulary=size), folder)
    with pytest.raises(StageError, match=rf"a vocabulary of {size} cannot be cut: from 259 to \d+ can"):
        weights.fetch()
    assert not [path for path in (folder / "cache" / "models").iterdir() if not path.name.endswith(".lock")]


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "recipes" / "students").glob("*.json")), ids=lambda path: path.stem
)
def test_the_students_of_the_recipes_can_be_drawn(path: Path, folder: Path):
    shipped = json.loads(path.read_text())
    assert weights_named(f"init:{path.name}", path.parent).identity
    alike = {**shipped, "tokenizer": "whose", "vocabulary": None}
    place = weights_at(written(folder, **alike), folder).fetch()
    assert AutoModelForCausalLM.from_pretrained(place).config.model_type == shipped["config"]["model_type"]
