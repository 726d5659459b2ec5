"""Parts: what a recipe says of a mixture, each part with how much of it there shall be.

math: 395285                                        so many rows
general: 0.22                                       that share of the whole
code: {rows: 211129, upsample: 2}                   a row may stand twice
stem: {}                                            all there is
chat: {share: 0.1, floor: 1000, cap: 5000, by: source, within: {wiki: {cap: 200}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.config import Base
from datafactory.settings import Nested, Problems, checked, shown

DATASET = "dataset"  # parts by the names in `from`
UNNAMED = "null"  # the part of rows that have no value in the column that parts go by


class Quota(Base):
    """How much of a part is taken; all there is where neither `rows` nor `share` says otherwise."""

    spelled: ClassVar[str] = "should be a number of rows, a share below 1, or settings"

    rows: int | None = Field(None, ge=0)
    share: float | None = Field(None, gt=0, le=1)
    floor: int = Field(0, ge=0)
    cap: int | None = Field(None, ge=0)
    upsample: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _sound(self) -> Quota:
        if self.rows is not None and self.share is not None:
            raise ValueError("has both `rows` and `share`; one of them says how much")
        if self.cap is not None and self.floor > self.cap:
            raise ValueError(f"has a floor of {self.floor:,}, which is above its cap of {self.cap:,}")
        if self.rows is not None and self.rows < self.floor:
            raise ValueError(f"has {self.rows:,} rows, which is below its floor of {self.floor:,}")
        if self.rows is not None and self.cap is not None and self.rows > self.cap:
            raise ValueError(f"has {self.rows:,} rows, which is above its cap of {self.cap:,}")
        return self


def _quotas(kind: type[Quota], value: Any, info: ValidationInfo) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("should be a mapping from names to how much of each")
    found: dict[str, Any] = {}
    problems: Problems = []
    for key, given in value.items():
        name = UNNAMED if key is None else str(key)
        if isinstance(given, kind):
            found[name] = given
            continue
        if given is None:
            given = {}
        elif isinstance(given, int | float) and not isinstance(given, bool):
            given = {"rows" if isinstance(given, int) else "share": given}
        if not isinstance(given, Mapping):
            problems.append(((name,), f"{kind.spelled}, not {shown(given)}"))
            continue
        try:
            found[name] = checked(kind, dict(given), info)
        except Nested as error:
            problems += [((name, *way), message) for way, message in error.problems]
    if problems:
        raise Nested(problems)
    return found


Within = Annotated[dict[str, Quota], BeforeValidator(lambda value, info: _quotas(Quota, value, info))]


class Part(Quota):
    """A part of the whole, which may itself be divided by another column."""

    by: str | None = None
    within: Within = Field(default_factory=dict)

    @model_validator(mode="after")
    def _divided(self) -> Part:
        if bool(self.by) != bool(self.within):
            raise ValueError("needs both `by`, a column, and `within`, what its values are limited to")
        if sum(quota.share or 0 for quota in self.within.values()) > 1 + 1e-9:
            raise ValueError("has shares `within` that sum to more than 1")
        least = sum(max(quota.rows or 0, quota.floor) for quota in self.within.values())
        most = self.rows if self.rows is not None else self.cap
        if most is not None and least > most:
            raise ValueError(f"has `within` that asks for {least:,} rows at least, and takes {most:,} at most")
        if self.within and self.upsample > 1:
            raise ValueError("is divided: `upsample` is said `within`, of each value")
        return self


Mixture = Annotated[dict[str, Part], BeforeValidator(lambda value, info: _quotas(Part, value, info))]


def copied(parts: Mapping[str, Part]) -> bool:
    """Whether a row may stand more than once."""
    return any(quota.upsample > 1 for part in parts.values() for quota in (part, *part.within.values()))


def wrongs(parts: Mapping[str, Part], rows: int | None) -> list[tuple[tuple[str, ...], str]]:
    """What cannot be right about the parts together: (the way to it, what is wrong)."""
    found: list[tuple[tuple[str, ...], str]] = []
    shares = sum(part.share or 0 for part in parts.values())
    counted = sum(part.rows or 0 for part in parts.values())
    open_ended = any(part.share is None and part.rows is None for part in parts.values())
    if shares > 1 + 1e-6:
        found.append((("mixture",), f"has shares that sum to {shares:g}; a whole is 1"))
    elif shares and not counted and not open_ended and shares < 1 - 1e-6:
        found.append((("mixture",), f"has shares that sum to {shares:g}, and nothing makes up the rest; a whole is 1"))
    elif shares > 1 - 1e-6 and (counted or open_ended):
        found.append((("mixture",), "has shares that sum to 1, which leaves no room for the other parts"))
    if shares and open_ended and rows is None:
        names = ", ".join(name for name, part in parts.items() if part.share is None and part.rows is None)
        found.append((("mixture",), f"has shares, and {names} without a number: say `rows`, what the whole comes to"))
    if rows is None:
        return found
    least = sum(part.rows if part.rows is not None else part.floor for part in parts.values())
    if least > rows:
        found.append((("rows",), f"is {rows:,}, and the parts ask for {least:,} at least"))
    elif not shares and not open_ended and counted != rows:
        found.append((("rows",), f"is {rows:,}, and the parts ask for {counted:,} together"))
    elif shares and not open_ended and abs(counted + shares * rows - rows) > 1 + len(parts):
        found.append(
            (("rows",), f"is {rows:,}; the counts and shares of the parts come to {counted + shares * rows:,.0f}")
        )
    return found
