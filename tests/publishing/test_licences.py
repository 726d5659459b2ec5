"""Licences as people spell them, and what they come to together."""

from __future__ import annotations

import pytest

from datafactory.licences import hub_id, notes, of_header


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("MIT", "mit"),
        ("The MIT License", "mit"),
        ("Apache-2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("apache 2.0", "apache-2.0"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("CC BY-NC-SA 4.0", "cc-by-nc-sa-4.0"),
        ("Creative Commons Attribution 4.0 International", "cc-by-4.0"),
        ("CC0", "cc0-1.0"),
        ("BSD-3-Clause", "bsd-3-clause"),
        ("GPLv3", "gpl-3.0"),
        ("LGPL-2.1", "lgpl-2.1"),
        ("ODC-By-1.0", "odc-by"),
        (None, "unknown"),
        ("  ", "unknown"),
    ],
)
def test_a_spelling_gives_the_hubs_identifier(spelled: str | None, expected: str):
    assert hub_id(spelled) == expected


@pytest.mark.parametrize(
    "spelled", ["CC BY", "CC BY 2.0 FR", "MIT (code); CC BY 4.0", "MIT or Apache-2.0", "ours", "other"]
)
def test_what_is_not_plain_is_not_guessed(spelled: str):
    assert hub_id(spelled) is None


def test_the_header_lists_every_licence_and_names_those_without_an_identifier():
    assert of_header(["MIT", "mit license"]) == {"license": "mit"}
    assert of_header(["MIT", None, "Apache 2.0"]) == {"license": ["apache-2.0", "mit", "unknown"]}
    assert of_header(["MIT", "ours", "theirs"]) == {"license": ["mit", "other"], "license_name": "ours, theirs"}


def test_terms_that_bind_are_told_with_their_rows():
    told = list(notes({"MIT": 3, None: 2, "CC-BY-NC-SA-4.0": 4, "GPL-3.0": 1, "CC-BY-ND-4.0": 5, "ours": 6}))
    assert told[0].startswith("2 of 21 rows name no licence")
    assert any(note.startswith("6 rows are under terms") and "(ours)" in note for note in told)
    assert any(note.startswith("4 rows may not be used commercially") for note in told)
    assert any(note.startswith("5 rows may not be passed on in a changed form") for note in told)
    assert any(
        note.startswith("5 rows ask") and "(cc-by-nc-sa-4.0, gpl-3.0); these licences do not" in note for note in told
    )
    assert list(notes({"MIT": 3, "CC BY 4.0": 2})) == []
