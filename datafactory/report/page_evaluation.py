"""The report's section on evaluation: how models score, apart and against each other, and what to hold against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datafactory.report import charts
from datafactory.report.markup import Html, element, figure, grid, join, section, table, text
from datafactory.report.scored import chance, points, spread, times
from datafactory.report.units import counted, named, number, percent
from datafactory.story import Chapter

BY_RATE = "pass rate of the first model"
Scores = dict[str, dict[str, Any]]  # of each model, under its name in the recipe


def evaluation(chapters: Iterable[Chapter]) -> Html:
    parts = [_of(chapter) for chapter in chapters if chapter.counts.get("scores")]
    return section(
        "evaluation",
        "Evaluation",
        "pass@1 is the share of a problem's completions that are right, the mean over problems; pass@k is the chance "
        "that one of k is, cons@k that the answer most of k agree on is. Behind each score is its 95 % interval, a "
        "bootstrap over problems. What could not be decided is left out and counted.",
        *parts,
    )


def _of(chapter: Chapter) -> Html:
    scores, setup = chapter.counts["scores"], chapter.counts["setup"]
    return join(
        [
            element("h3", chapter.name, element("span", f"on {_names(chapter.settings.get('from'))}", kind="kind")),
            element("p", _setup(scores, setup)),
            _chart(scores),
            _scores(scores),
            _pairs(chapter.counts["comparisons"]),
            _strata(scores, setup),
            _budgets(scores, setup),
            _trained_on(scores),
            _prompts(scores),
        ]
    )


def _setup(scores: Scores, setup: dict[str, Any]) -> str:
    """Under what the models were sampled, in a sentence."""
    sampling = setup["sampling"]
    problems = max(each["problems"] for each in scores.values())
    told = [
        f"{counted(setup['k'], 'completion')} of each of {counted(problems, 'problem')}",
        f"temperature {number(sampling['temperature'])}",
        f"top_p {number(sampling['top_p'])}",
        f"at most {sampling['max_tokens']:,} tokens",
        f"seed {setup['seed']}",
        _system(setup["system"]),
    ]
    return f"{', '.join(told)}. Right is what {setup['verifier']} gives the reward 1."


def _system(system: str | None) -> str:
    if system is None:
        return "no system prompt but what a template writes itself"
    return f"system prompt “{named(system)}”" if system else "an empty system prompt"


def _chart(scores: Scores) -> Html:
    rows = []
    for name, each in scores.items():
        if within := each["intervals"]["pass@1"]:
            low, high = within
            said = f"{percent(each['pass@1'])} ({spread(within)})"
            rows.append(charts.Estimate(name, each["pass@1"], low, high, said))
    if not rows:
        return Html()
    return figure("pass@1", Html(charts.estimates(rows, "pass@1 of each model")), "a dot with its 95 % interval")


def _scores(scores: Scores) -> Html:
    keys = list(dict.fromkeys(key for each in scores.values() for key in each["intervals"]))
    headings = ["model", "weights", *keys, "problems", "undecided", "truncated", "mean tokens"]
    rows = [
        [
            name,
            each["model"],
            *(_with(each.get(key), each["intervals"].get(key)) for key in keys),
            number(each["problems"]),
            _undecided(each),
            percent(each["truncated"]),
            number(each["completion_tokens"]),
        ]
        for name, each in scores.items()
    ]
    return table(headings, rows, words=2)


def _undecided(each: dict[str, Any]) -> str:
    if not each["undecided"]:
        return "0"
    whole = f", {counted(each['undecided_problems'], 'problem')} whole" if each["undecided_problems"] else ""
    return f"{counted(each['undecided'], 'completion')}{whole}"


def _with(value: float | None, within: list[float] | None) -> Html:
    """A share, with its interval below it."""
    if value is None:
        return Html("-")
    return _below(percent(value), spread(within) if within else "")


def _below(said: str, note: str) -> Html:
    return join([said, Html("<br>"), element("span", note, kind="note")]) if note else text(said)


def _pairs(pairs: list[dict[str, Any]]) -> Html:
    if not pairs:
        return Html()
    rows = [
        [
            pair["model"],
            pair["against"],
            _behind(points(pair["difference"]), pair["interval"], points),
            _behind(times(pair["ratio"]), pair["ratio_interval"], times),
            chance(pair["p"]),
            *(number(pair[key]) for key in ("wins", "losses", "ties", "problems", "left_out")),
        ]
        for pair in pairs
    ]
    headings = ["model", "against", "points", "times", "p", "better at", "worse at", "same at", "problems", "left out"]
    lead = (
        "Problem by problem: the difference of pass@1 in points of a hundred, and its ratio, over the problems that "
        "were decided for both; p is how often models that do not differ would come out this far apart."
    )
    return join([element("h4", "Model against model"), element("p", lead), table(headings, rows, words=2)])


def _behind(said: str, within: list[float | None] | None, spelled: Any) -> Html:
    span = " to ".join(map(spelled, within)) if within else ""
    return _below(said, span)


def _strata(scores: Scores, setup: dict[str, Any]) -> Html:
    ways = list(dict.fromkeys(way for each in scores.values() for way in each["strata"]))
    return join(_by(way, scores, setup) for way in ways)


def _by(way: str, scores: Scores, setup: dict[str, Any]) -> Html:
    first = next(iter(scores.values()))["strata"][way]
    rows = [
        [
            named(part["value"]),
            *(
                _with(each["strata"][way][place]["pass@1"], each["strata"][way][place]["interval"])
                for each in scores.values()
            ),
            number(part["problems"]),
        ]
        for place, part in enumerate(first)
    ]
    note = Html()
    if way == "difficulty":
        said = f"By {setup['difficulty']}."
        if setup["difficulty"] == BY_RATE:
            said += " Hard is below 25 %, easy from 75 %; its own scores differ by the very choice of these bands."
        note = element("p", said, kind="note")
    return join([element("h4", f"pass@1 by {way}"), note, table([way, *scores, "problems"], rows)])


def _budgets(scores: Scores, setup: dict[str, Any]) -> Html:
    there = {name: each for name, each in scores.items() if each["budgets"]}
    if not there:
        return Html()
    put_off = (
        f" A thinking that ended before was made to go on, up to {counted(setup['extend'], 'time')}."
        if setup["extend"]
        else ""
    )
    lead = f"The thinking was ended at each budget, and an answer asked for.{put_off} The scores above are unforced."
    return join(
        [
            element("h4", "Accuracy over budgets of thinking"),
            element("p", lead),
            grid(_curve(name, each) for name, each in there.items()),
        ]
    )


def _curve(name: str, each: dict[str, Any]) -> Html:
    curve = [(point["budget"], 100 * point["pass@1"]) for point in each["budgets"] if point["pass@1"] is not None]
    rows = [
        [
            f"{point['budget']:,}",
            _with(point["pass@1"], point["interval"]),
            number(point["thinking_tokens"]),
            percent(point["forced"]),
            number(point["completion_tokens"]),
            number(point["problems"]),
        ]
        for point in each["budgets"]
    ]
    unforced = _with(each["pass@1"], each["intervals"]["pass@1"])
    rows.append(["none", unforced, "-", "-", number(each["completion_tokens"]), number(each["problems"])])
    headings = ["budget", "pass@1", "thinking tokens", "ended by it", "tokens in all", "problems"]
    drawn = Html(charts.line(curve, f"pass@1 of {name} by budget", "budget")) if curve else Html()
    return figure(name, drawn, "pass@1 in %, over the budget in tokens", table(headings, rows))


def _trained_on(scores: Scores) -> Html:
    there = {name: each["contamination"] for name, each in scores.items() if each["contamination"]}
    if not there:
        return Html()
    rows = [
        [
            name,
            ", ".join(held["trained_on"]),
            f"{held['problems']:,} ({percent(held['share'])})",
            _with(scores[name]["pass@1"], scores[name]["intervals"]["pass@1"]),
            _with(held["without"]["pass@1"], held["without"]["interval"]),
            _with(held["of_them"]["pass@1"], held["of_them"]["interval"]),
        ]
        for name, held in there.items()
    ]
    found = {example["problem_id"]: example["words"] for held in there.values() for example in held["examples"]}
    examples = [element("li", f"{key}: {words}", kind="note") for key, words in found.items()]
    lead = (
        "Problems of which ten words in a row, or a short question whole, stand in what the model was trained on. "
        "Problems of a procedure or in other words are alike without sharing them."
    )
    return join(
        [
            element("h4", "Problems that were trained on"),
            element("p", lead),
            table(["model", "trained on", "problems", "pass@1", "without them", "of them"], rows, words=2),
            element("details", element("summary", "the words"), element("ul", *examples)) if examples else "",
        ]
    )


def _prompts(scores: Scores) -> Html:
    """The first problem as each model sees it: what a template adds, a system prompt of its own say, stands there."""
    shown = dict.fromkeys(each["prompt"] for each in scores.values())
    blocks = [element("pre", prompt) for prompt in shown]
    return element("details", element("summary", "the prompt of the first problem, as the models see it"), *blocks)


def _names(given: Any) -> str:
    return ", ".join(given) if isinstance(given, list) else str(given)
