"""A starter recipe, commented, that runs as it is: what `datafactory new NAME` writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datafactory.errors import UserError

FILES = ("recipe.yaml", "problems.jsonl", "prompts/think.txt", "prompts/examples.jsonl")


def write(folder: Path) -> Iterator[str]:
    """The starter's files in a new folder; yields what to do next."""
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is there already and is not empty")
    here = Path(__file__).parent
    for name in FILES:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        text = (here / name).read_text(encoding="utf-8")
        place.write_text(text.replace("NAME", folder.name), encoding="utf-8")
        yield f"wrote {place}"
    yield f"next: put your problems into {folder / 'problems.jsonl'}, then datafactory build {folder / 'recipe.yaml'}"
