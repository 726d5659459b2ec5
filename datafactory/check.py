"""What a stage may ask while its settings are checked: the columns that will be there, before anything runs.

Every stage module has `columns(config, check) -> list of its output's columns`, which reports each mistake through
`check.wrong` and goes on, so that a person sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datafactory.errors import did_you_mean
from datafactory.plugins import Use


@dataclass(frozen=True)
class Check:
    """above    the columns of each stage above; None for one that is itself in error
    engines  of each model above; of a trained one it is its base's
    """

    folder: Path
    above: dict[str, list[str] | None]
    wrong: Callable[[tuple[str | int, ...], str], None]
    faulty: frozenset[str | int] = frozenset()  # settings that are wrong themselves, which is said, and left out
    engines: Mapping[str, Use] = field(default_factory=dict)

    def of(self, source: str | tuple[str, ...]) -> list[str] | None:
        """The columns of what a `from` names; several datasets read as one have the same."""
        if isinstance(source, str):
            return self.above.get(source)
        first = self.above.get(source[0])
        for place, name in enumerate(source):
            columns = self.above.get(name)
            if first is not None and columns is not None and set(columns) != set(first):
                odd = ", ".join(sorted(set(columns) ^ set(first)))
                self.wrong(("from", place), f"'{name}' and '{source[0]}' differ in their columns: {odd}")
        return first

    def column(self, columns: Sequence[str] | None, name: str, *place: str | int) -> None:
        """That `name` is among the columns."""
        if columns is not None and name not in columns:
            self.wrong(place, f"no column named '{name}'.{did_you_mean(name, columns)}")

    def condition(self, columns: Sequence[str] | None, text: str | None, *place: str | int) -> None:
        """That a SQL condition can be read, and speaks of columns that are there."""
        if text is None:
            return
        from datafactory.conditions import columns_in, refused

        try:
            names = columns_in(text)
        except ValueError as error:
            self.wrong(place, str(error))
            return
        for name in names:
            self.column(columns, name, *place)
        if columns is not None and set(names) <= set(columns):
            why = refused(text, columns)
            if why:
                self.wrong(place, why)
