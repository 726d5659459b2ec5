"""Scored: what an evaluation found, in a line for each model and each pair; in a terminal and above tables."""

from __future__ import annotations

from typing import Any

from datafactory.report.units import counted, number, percent


def scored(scores: dict[str, Any]) -> str:
    """`pass@1 53.1 % (34.4 % to 75 %), cons@4 62.5 %, format 93.8 %, over 16 problems`: the interval behind the
    first."""
    names = list(scores.get("intervals", {}))
    shown = [f"{name} {percent(scores[name])}" for name in names]
    if names and (within := scores["intervals"][names[0]]):
        shown[0] += f" (95 % interval {spread(within)})"
    shown.append(f"over {counted(scores['problems'], 'problem')}")
    if scores.get("undecided"):
        shown.append(f"{counted(scores['undecided'], 'rollout')} undecided")
    if scores.get("truncated"):
        shown.append(f"{percent(scores['truncated'])} truncated")
    held = scores.get("contamination")
    if held and held["problems"]:
        without = f"pass@1 without them {percent(held['without']['pass@1'])}"
        shown.append(f"{held['problems']:,} of them trained on ({without})")
    return ", ".join(shown)


def apart(pair: dict[str, Any]) -> str:
    """`+31.3 points (95 % interval +18.8 to +43.8), 1.6 times (1.3 to 2.1), p 0.0002, over 16 problems`."""
    if not pair["problems"]:
        return "no problem was decided in both"
    said = [f"{points(pair['difference'])} points"]
    if pair["interval"]:
        said[0] += f" (95 % interval {' to '.join(map(points, pair['interval']))})"
    if pair["ratio"] is not None:
        within = f" ({' to '.join(map(times, pair['ratio_interval']))})" if pair["ratio_interval"] else ""
        said.append(f"{times(pair['ratio'])} times{within}")
    return ", ".join([*said, f"p {chance(pair['p'])}", f"over {counted(pair['problems'], 'problem')}"])


def spread(within: list[float] | None) -> str:
    """`34.4 % to 75 %`."""
    return "-" if within is None else " to ".join(map(percent, within))


def points(difference: float | None) -> str:
    """`+31.3`, of a hundred."""
    return "-" if difference is None else f"{100 * difference:+.1f}"


def times(ratio: float | None) -> str:
    return "any" if ratio is None else f"{ratio:.2f}"


def chance(p: float | None) -> str:
    """`0.03`; what is less than can be told from the draws is said to be."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else number(round(p, 2))
