"""Outcomes: what the words of several reviewers come to."""

from __future__ import annotations

import pytest

from datafactory.review.decisions import Decision, words_of
from datafactory.review.outcome import agreements, outcome, told


def word(spelled: str) -> Decision:
    """`anna accept`, `ben edit ONE`."""
    reviewer, decision, *text = spelled.split()
    return Decision(
        reviewer, "t", "s", decision, reason="wrong" if decision == "reject" else None, response=(text or [None])[0]
    )


@pytest.mark.parametrize(
    ("words", "need", "conflict", "kind"),
    [
        ([], 1, "reject", "undecided"),
        (["anna accept"], 1, "reject", "accepted"),
        (["anna accept", "anna withdraw"], 1, "reject", "undecided"),
        (["anna accept", "anna reject"], 1, "reject", "rejected"),
        (["anna reject", "anna accept"], 1, "reject", "accepted"),
        (["anna accept"], 2, "reject", "undecided"),
        (["anna accept", "anna accept"], 2, "reject", "undecided"),
        (["anna accept", "ben accept"], 2, "reject", "accepted"),
        (["anna accept", "ben edit x"], 2, "reject", "edited"),
        (["anna reject"], 2, "reject", "rejected"),
        (["anna accept", "ben reject"], 1, "reject", "rejected"),
        (["anna accept", "ben reject"], 1, "keep", "accepted"),
        (["anna accept", "ben reject"], 2, "keep", "undecided"),
        (["anna edit x", "ben reject"], 1, "keep", "edited"),
        (["anna accept", "ben reject"], 1, "majority", "rejected"),
        (["anna accept", "ben reject", "cleo accept"], 1, "majority", "accepted"),
        (["anna reject", "ben reject", "cleo accept"], 1, "majority", "rejected"),
        (["anna accept", "ben reject", "ben withdraw"], 1, "reject", "accepted"),
        (["anna edit x", "ben edit x"], 2, "reject", "edited"),
        (["anna edit x", "ben edit y"], 1, "reject", "rejected"),
        (["anna edit x", "ben edit y"], 1, "keep", "edited"),
        (["anna edit x", "ben edit y"], 1, "majority", "edited"),
    ],
)
def test_what_the_words_about_a_trace_come_to(words, need, conflict, kind):
    standing = words_of(map(word, words)).get("t", {})
    assert outcome(list(standing.values()), need, conflict).kind == kind


def test_the_last_edit_stands():
    standing = words_of(map(word, ["anna edit x", "ben edit y", "anna edit z"]))["t"]
    assert outcome(list(standing.values()), 1, "keep").edit.response == "z"


def test_a_rejection_by_some_says_who_and_why():
    lines = [
        Decision("anna", "t", "s", "reject", reason="wrong", note="line 3", time="2026-11-21T09:00:00Z"),
        Decision("ben", "t", "s", "accept"),
    ]
    assert told(lines) == "rejected by anna, 2026-11-21 (wrong): line 3; accepted by ben"
    assert outcome(lines, 1, "reject").reason == "reviewed: reviewers differ"
    assert outcome(lines[:1], 1, "reject").reason == "reviewed: wrong"


def test_agreement_counts_what_both_decided_and_nothing_else():
    said = [("anna", "1", "accept"), ("ben", "1", "edit"), ("anna", "2", "reject"), ("ben", "2", "reject")]
    said += [("anna", "3", "accept"), ("cleo", "4", "accept")]
    words = words_of(Decision(who, name, "s", what, response="x") for who, name, what in said)
    assert agreements(words) == {"anna and ben": {"rows": 2, "agreed": 2, "kappa": 1.0}}
