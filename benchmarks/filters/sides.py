"""One side of speed.py, in a process and an environment of its own: how fast it goes over texts.

    python sides.py SIDE ROWS.parquet MEGABYTES ROUNDS

Prints a line of JSON: the seconds from start to the first answer (imports, tables, models), the megabytes of text, and
the seconds of each round over them. Each side imports what it needs, for no environment has all of them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Side = Callable[[list[Any]], Any]  # takes the rows of a table

THINKING, WRITING = ("reasoning",), ("reasoning", "response")


def main() -> None:
    side, path, megabytes, rounds = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    columns = read(path)
    started = time.process_time()
    texts, make = SIDES[side]
    size, rows = 0, 0
    while rows < len(columns["response"]) and size < megabytes * 1e6:
        size += sum(len(columns[name][rows].encode()) for name in texts)
        rows += 1
    run = make()
    run({name: values[:2] for name, values in columns.items()})
    ready = time.process_time() - started
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        run({name: values[:rows] for name, values in columns.items()})
        taken.append(time.process_time() - begun)
    print(json.dumps({"ready": ready, "megabytes": size / 1e6, "rows": rows, "seconds": taken}))


def read(path: str) -> dict[str, list[Any]]:
    import pyarrow.parquet  # every environment has it

    return pyarrow.parquet.read_table(path).to_pydict()


def paragraphs(columns: dict[str, list[Any]]) -> Iterator[str]:
    for text in columns["reasoning"]:
        yield from (paragraph for paragraph in text.split("\n\n") if paragraph.strip())


def langdetect() -> Side:
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0

    def run(columns: Any) -> None:
        for paragraph in paragraphs(columns):
            try:
                detect_langs(paragraph)
            except LangDetectException:  # a formula has no features
                pass

    return run


def langdetect_rs() -> Side:
    from langdetect_rs import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0

    def run(columns: Any) -> None:
        for paragraph in paragraphs(columns):
            try:
                detect_langs(paragraph)
            except LangDetectException:
                pass

    return run


def lingua() -> Side:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def run(columns: Any) -> None:
        for paragraph in paragraphs(columns):
            detector.detect_language_of(paragraph)

    return run


def datatrove(name: str) -> Callable[[], Side]:
    def make() -> Side:
        from datatrove import pipeline  # noqa: F401
        from datatrove.data import Document
        from datatrove.pipeline import filters

        of = getattr(filters, name)()

        def run(columns: Any) -> None:
            for at, (reasoning, response) in enumerate(zip(columns["reasoning"], columns["response"], strict=True)):
                of.filter(Document(text=f"{reasoning}\n{response}", id=str(at)))

        return run

    return make


def data_juicer(name: str) -> Callable[[], Side]:
    def make() -> Side:
        from importlib import import_module

        from data_juicer.utils.constant import Fields

        file = import_module(f"data_juicer.ops.filter.{name}")
        of = getattr(file, "".join(part.capitalize() for part in name.split("_")))()

        def run(columns: Any) -> None:
            texts = [f"{a}\n{b}" for a, b in zip(columns["reasoning"], columns["response"], strict=True)]
            of.compute_stats_batched({"text": texts, Fields.stats: [{} for _ in texts]})

        return run

    return make


def ours(named: str) -> Callable[[], Side]:
    def make() -> Side:
        import polars as pl

        from datafactory.measures import measures_of
        from datafactory.measuring import measure

        measures = measures_of(named or default_set())
        return lambda columns: measure(measures, pl.DataFrame(columns))

    return make


def default_set() -> str:
    """Every filter of a row or a problem that has bounds of its own and needs nothing given."""
    from datafactory.measures import parameters
    from datafactory.plugins import Use, names

    found = []
    for name in names("filter"):
        use = Use("filter", name)
        needs = any(setting.is_required() for setting in parameters(use).model_fields.values())
        if hasattr(use.module, "BOUNDS") and getattr(use.module, "SCOPE", "group") != "dataset" and not needs:
            found.append(name)
    return ",".join(found)


SIDES: dict[str, tuple[tuple[str, ...], Callable[[], Side]]] = {
    "langdetect, a call per paragraph": (THINKING, langdetect),
    "langdetect-rs, a call per paragraph": (THINKING, langdetect_rs),
    "lingua, a call per paragraph": (THINKING, lingua),
    "datatrove GopherRepetitionFilter": (WRITING, datatrove("GopherRepetitionFilter")),
    "datatrove GopherQualityFilter": (WRITING, datatrove("GopherQualityFilter")),
    "data-juicer word_repetition_filter": (WRITING, data_juicer("word_repetition_filter")),
    "data-juicer character_repetition_filter": (WRITING, data_juicer("character_repetition_filter")),
    "ours, language_consistency and language_mixing": (THINKING, ours("language_consistency,language_mixing")),
    "ours, repetition": (WRITING, ours("repetition")),
    "ours, the whole default set": (WRITING, ours("")),
}

if __name__ == "__main__":
    main()
