"""A setting that a recipe gives by more than its value; paths of rows are `tuple[Path, ...]`."""

from __future__ import annotations

from typing import NewType

Tokenizer = NewType("Tokenizer", str)  # a folder or a hub id that transformers' AutoTokenizer loads
