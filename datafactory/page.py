"""A recipe's page: YAML read with the line of every key, so that each message can say where.

Scalars follow YAML 1.2: `no` and `on` are words, `1e-4` is a number. A key that stands twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from datafactory.errors import UserError, did_you_mean

Place = tuple[str | int, ...]  # the way to a value: ("stages", "clean", "keep", 0)
INTEGER = re.compile(r"[-+]?\d+$")
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$")
WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass
class Page:
    """The values of a page and the line each stands on, from 1. Values set from outside have a label instead."""

    path: Path
    values: dict[str, Any]
    lines: dict[Place, int] = field(default_factory=dict)
    labels: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """`recipe.yaml:12: stages.clean.keep` for the value there, or for the nearest thing above it."""
        name = ".".join(str(part) for part in place)
        for length in range(len(place), -1, -1):
            if place[:length] in self.labels:
                return f"{self.labels[place[:length]]}: {name}"
            if place[:length] in self.lines:
                return f"{self.path}:{self.lines[place[:length]]}: {name}" if name else f"{self.path}:1"
        return f"{self.path}: {name}"

    def set(self, assignment: str) -> None:
        """`stages.student.epochs=1`, as if it stood on the page."""
        key, equals, text = assignment.partition("=")
        place: Place = tuple(key.strip().split("."))
        if not equals or not all(place):
            raise UserError(f"--set {assignment}: write key=value, as in --set stages.student.epochs=1")
        try:
            value = _value(yaml.compose(text, Loader=yaml.SafeLoader), self.path, (), Page(self.path, {}))
        except yaml.YAMLError as error:
            raise UserError(f"--set {assignment}: {text!r} is not YAML") from error
        known = self.values.get(str(place[0]))
        if len(place) > 2 and isinstance(known, dict) and place[1] not in known:
            raise UserError(
                f"--set {assignment}: no '{place[1]}' under {place[0]}.{did_you_mean(str(place[1]), known)}"
            )
        inner: Any = self.values
        for part in place[:-1]:
            if inner.get(part) is None:
                inner[part] = {}
            inner = inner[part]
            if not isinstance(inner, dict):
                raise UserError(f"--set {assignment}: '{part}' holds no settings")
        inner[place[-1]] = value
        self.labels[place] = f"--set {assignment}"


def read_page(path: Path) -> Page:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such recipe") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    page = Page(path, {})
    try:
        values = _value(yaml.compose(text, Loader=yaml.SafeLoader), path, (), page)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}:1: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}:1: a recipe is a mapping with `name` and `stages`")
    page.values = values
    return page


def _value(node: yaml.Node | None, path: Path, place: Place, page: Page) -> Any:
    if node is None:
        return None
    page.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, path, (*place, index), page) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    below: dict[str, Any] = {}
    for other in reversed(list(_merged(node, path))):
        below |= _value(other, path, place, page)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise UserError(f"{path}:{line}: a key is a plain word")
        if _is_merge(key_node):
            continue
        key = key_node.value
        if key in mapping:
            first = page.lines[(*place, key)]
            raise UserError(f"{path}:{line}: '{key}' stands twice, first in line {first}")
        page.lines[(*place, key)] = line
        mapping[key] = _value(value_node, path, (*place, key), page)
    return {**below, **mapping}


def _merged(node: yaml.MappingNode, path: Path) -> Iterator[yaml.Node]:
    """The mappings that YAML's merge key names, `<<: *settings`: what the mapping says itself counts before theirs."""
    for key, value in node.value:
        if _is_merge(key):
            for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(other, yaml.MappingNode):
                    raise UserError(f"{path}:{key.start_mark.line + 1}: '<<' takes a mapping, as in <<: *settings")
                yield other


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.style is None


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style is not None and node.style in "'\"|>":
        return text
    if text in WORDS:
        return WORDS[text]
    if INTEGER.match(text):
        return int(text) if len(text) < 4000 else text
    if NUMBER.match(text):
        return float(text)
    return text
