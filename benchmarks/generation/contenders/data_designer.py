# /// script
# requires-python = ">=3.11"
# dependencies = ["data-designer==0.9.6"]
# ///
"""NeMo Data Designer: one text column over a seed dataset of the problems.

It writes a row group when all its rows are there, and resumes from those.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import data_designer.config as dd
import pandas
from data_designer.interface import DataDesigner


def main(given):
    folder = Path(given["folder"])
    seed = folder / "problems.parquet"
    problems = pandas.read_json(given["problems"], lines=True)
    if not seed.exists():
        problems.to_parquet(seed)
    model = dd.ModelConfig(
        alias="bench",
        model="bench",
        provider="loopback",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(
            temperature=0.6, max_parallel_requests=given["in_flight"], timeout=600
        ),
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(seed)))
    builder.add_column(dd.LLMTextColumnConfig(name="answer", prompt="{{ question }}", model_alias="bench"))
    designer = DataDesigner(
        artifact_path=folder / "artifacts",
        model_providers=[dd.ModelProvider(name="loopback", endpoint=given["base_url"], api_key="none")],
    )
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None, buffer_size=500, max_concurrent_row_groups=4))
    resume = dd.ResumeMode.ALWAYS if (folder / "artifacts/dataset").exists() else dd.ResumeMode.NEVER
    made = designer.create(builder, num_records=len(problems), resume=resume).load_dataset()
    with Path(given["answers"]).open("w") as out:
        for number, answer in zip(made["number"], made["answer"], strict=True):
            out.write(json.dumps({"number": int(number), "answer": answer}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
