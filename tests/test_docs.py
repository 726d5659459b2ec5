"""The pages for people: what they show is what the code does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from datafactory import starter
from datafactory.cli import main
from datafactory.recipe import read_recipe

from .conftest import REPOSITORY

FENCE = re.compile(r"^( *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^\1```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPAN = re.compile(r"`(datafactory [^`]*)`")
TYPED = re.compile(r"\s*(?:\$ )?(?:\w+=\S+ )*(?:\S+/)?(?:python -m )?(datafactory .*)")
HAND = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "outputs/README.md")
PAGES = sorted(
    path for path in (*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / name for name in HAND)) if path.exists()
)


@dataclass(frozen=True)
class Block:
    """A fenced block. The first word after the fence is its language, the second the file that it is."""

    page: Path
    line: int
    language: str
    file: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        language, _, file = fence["info"].strip().partition(" ")
        found.append(Block(page, text.count("\n", 0, fence.start()) + 1, language, file or None, fence["text"]))
    return found


ALL = [block for page in PAGES for block in blocks(page)]


def commands() -> list[tuple[str, str, bool]]:
    """Each `datafactory ...` of the pages: where, what, and whether it stands in a block, to be typed as it is."""
    typed = [
        (str(block), match[1], True)
        for block in ALL
        for line in block.text.replace("\\\n", " ").splitlines()
        if (match := TYPED.match(line))
    ]
    told = [
        (page.name, " ".join(span.split()), False)
        for page in PAGES
        for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    ]
    return typed + told


def test_the_generated_pages_are_what_the_code_says():
    ran = subprocess.run(
        [sys.executable, REPOSITORY / "docs" / "generate.py", "--check"], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr


def test_a_stale_page_is_named_and_written_anew(tmp_path: Path):
    for name in ("datafactory", "filters"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "filters.md"
    fresh = page.read_text(encoding="utf-8")
    page.write_text(fresh.replace("### repetition", "### repetitions"), encoding="utf-8")

    def generate(*options: str) -> subprocess.CompletedProcess[str]:
        script = [sys.executable, tmp_path / "docs" / "generate.py", *options]
        return subprocess.run(script, capture_output=True, text=True, timeout=300)

    checked = generate("--check")
    assert (checked.returncode, "docs/filters.md" in checked.stderr) == (1, True)
    assert generate().stdout == "wrote docs/filters.md\n"
    assert page.read_text(encoding="utf-8") == fresh


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            path, _, place = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert linked.is_relative_to(REPOSITORY), f"{page.name} links to {target}, outside the repository"
            if place and linked.suffix == ".md":
                headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
                slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
                assert place in slugs, f"{page.name} links to {target}"


# a part of a recipe is fenced as ```yaml fragment, and not read
RECIPES = [block for block in ALL if block.language == "yaml" and block.file != "fragment"]


@pytest.mark.parametrize("block", RECIPES, ids=str)
def test_every_recipe_of_the_pages_is_sound(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)  # hub ids are then taken at their word
    shutil.copytree(REPOSITORY / "recipes", tmp_path, dirs_exist_ok=True)
    for name in starter.FILES:
        shutil.copy(Path(starter.__file__).parent / name, tmp_path / name)
    for other in blocks(block.page):
        if other.file and other.language != "yaml":
            (tmp_path / other.file).write_text(other.text, encoding="utf-8")
    path = tmp_path / "page.yaml"
    path.write_text(block.text, encoding="utf-8")
    assert read_recipe(path).stages


@pytest.mark.parametrize(("where", "line", "typed"), commands(), ids=lambda value: str(value)[:60])
def test_every_command_of_the_pages_exists_with_its_options(where: str, line: str, typed: bool):
    _, *words = shlex.split(re.split(r"\s(?:\||&&|>|;)\s", line)[0], comments=True)
    if not words or words[0].startswith("-"):
        assert not words or words[0] in ("--help", "-h", "--version"), f"{where}: {line}"
        return
    name, *rest = words
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"{where}: there is no command in `{line}`"
    if typed and "--help" not in rest:
        command.make_context(name, list(rest))  # raises on what the command does not take, and runs nothing
        return
    known = {
        spelling for parameter in command.params if isinstance(parameter, click.Option) for spelling in parameter.opts
    }
    for word in rest:
        assert not word.startswith("-") or word.partition("=")[0] in {*known, "--help"}, f"{where}: {line}: no {word}"
