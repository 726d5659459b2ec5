"""datafactory: `datafactory build` of a recipe with a `load` and a `generate`, the journal on, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RECIPE = """
name: bench
seed: 0
models:
  teacher: {{engine: openai, model: bench, base_url: "{base_url}", concurrency: {in_flight}}}
stages:
  problems: {{do: load, path: {problems}}}
  traces: {{do: generate, from: problems, model: teacher, sampling: {{temperature: 0.6, max_tokens: 1024}}}}
"""


def main(given):
    recipe = Path(given["folder"]) / "bench.yaml"
    recipe.write_text(RECIPE.format(**given))
    built = subprocess.run([sys.executable, "-m", "datafactory", "build", recipe])
    if built.returncode:
        sys.exit(built.returncode)

    import polars

    from datafactory.chat import join_thinking

    rows = polars.read_parquet(Path(given["folder"]) / "outputs/bench/traces/shard-*.parquet").sort("question")
    with Path(given["answers"]).open("w") as out:
        for row in rows.iter_rows(named=True):
            answer = join_thinking(row["reasoning"], row["response"])
            out.write(json.dumps({"number": json.loads(row["meta"])["number"], "answer": answer}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
