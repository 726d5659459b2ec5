"""The card's counts, read back from README.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from datafactory.report.markdown import plain

HEADER = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)
LINE = re.compile(r"^\| (?P<domain>(?:\\.|[^|\\])*?) \| (?P<rows>[\d,]+) \|", re.MULTILINE)


def differences(path: Path, splits: Mapping[str, int], domains: Counter[str | None]) -> Iterator[str]:
    """Where the card says another number of rows than the shards hold, a line each."""
    try:
        text = path.read_text(encoding="utf-8")
        header = HEADER.match(text)
        told = yaml.safe_load(header[1]) if header else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        yield f"is not readable: {str(error).splitlines()[0]}"
        return
    if not isinstance(told, dict):
        yield "has no YAML header"
        return
    named = {split["name"]: split["num_examples"] for split in (told.get("dataset_info") or {}).get("splits", [])}
    for name in sorted(named.keys() | splits.keys()) if named else ():
        if named.get(name) != splits.get(name):
            yield f"says {_rows(named.get(name))} in the split {name}; data/ holds {_rows(splits.get(name))}"
    said = _composition(text)
    held = {plain(name or "none given").replace("|", "\\|"): count for name, count in domains.items()}
    held["total"] = sum(splits.values())
    for name in sorted(said.keys() | held.keys()) if said else ():
        if name in said and said[name] != held.get(name):
            yield f"says {_rows(said[name])} of '{name}'; data/ holds {_rows(held.get(name))}"
        elif name not in said:
            yield f"says nothing of '{name}'; data/ holds {_rows(held[name])}"


def _rows(count: int | None) -> str:
    return f"{count or 0:,} rows"


def _composition(text: str) -> dict[str, int]:
    """Rows by domain in the table under `Composition`."""
    section = text.partition("\n## Composition\n")[2].partition("\n## ")[0]
    return {match["domain"]: int(match["rows"].replace(",", "")) for match in LINE.finditer(section)}
