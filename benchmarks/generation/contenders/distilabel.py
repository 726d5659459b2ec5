# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "distilabel[openai]==1.5.3", "requests", "openai==1.109.1", "pydantic==2.11.10", "datasets==3.6.0",
#   "huggingface_hub==0.36.0", "httpx<0.29",
# ]
# ///
"""distilabel: TextGeneration in a pipeline, batches as large as there may be requests in flight.

It caches a batch when all its rows are there, and resumes from those. What is pinned beside it is what it needs to be
imported at all: a plain install of this version is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main(given):
    problems = [json.loads(line) for line in Path(given["problems"]).read_text().splitlines()]
    with Pipeline(name="bench", cache_dir=Path(given["folder"]) / "cache") as pipeline:
        load = LoadDataFromDicts(
            data=[{"number": problem["number"], "instruction": problem["question"]} for problem in problems],
            batch_size=given["in_flight"],
        )
        ask = TextGeneration(
            llm=OpenAILLM(
                model="bench",
                base_url=given["base_url"],
                api_key="none",
                timeout=600,
                generation_kwargs={"temperature": 0.6},
            ),
            input_batch_size=given["in_flight"],
        )
        load >> ask
    made = pipeline.run(use_cache=True)["default"]["train"]
    with Path(given["answers"]).open("w") as out:
        for number, answer in zip(made["number"], made["generation"], strict=True):
            out.write(json.dumps({"number": number, "answer": answer}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
