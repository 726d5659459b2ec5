# /// script
# requires-python = ">=3.11"
# dependencies = ["bespokelabs-curator==0.1.31", "vertexai==1.71.1"]
# ///
"""Curator (Bespoke Labs), online, its openai backend; limits per minute set so high that none is reached.

It appends each response to a file of its cache, and resumes from that.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

# tiktoken fetches its table from the network; litellm, which curator needs anyway, has it on board
LITELLM = Path(importlib.util.find_spec("litellm").origin).parent
os.environ["TIKTOKEN_CACHE_DIR"] = str(LITELLM / "litellm_core_utils/tokenizers")


def main(given):
    from bespokelabs import curator
    from datasets import Dataset

    class Asker(curator.LLM):
        def prompt(self, row):
            return row["question"]

        def parse(self, row, response):
            return {"number": row["number"], "answer": response}

    problems = [json.loads(line) for line in Path(given["problems"]).read_text().splitlines()]
    asker = Asker(
        model_name="bench",
        backend="openai",
        generation_params={"temperature": 0.6},
        backend_params={
            "base_url": given["base_url"],
            "max_concurrent_requests": given["in_flight"],
            "max_requests_per_minute": 100_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
        },
    )
    answers = asker(Dataset.from_list(problems), working_dir=given["folder"]).dataset
    with Path(given["answers"]).open("w") as out:
        out.writelines(json.dumps({"number": row["number"], "answer": row["answer"]}) + "\n" for row in answers)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
