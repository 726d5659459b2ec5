"""Licences: the hub's identifier of a licence as people spell it, and what its terms mean for a dataset in sum.

Nothing is guessed: a spelling without version, or with two licences in it, has no identifier and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

# https://huggingface.co/docs/hub/repositories-licenses
HUB = {
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0",
    "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0",
    "etalab-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1",
    "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0", "postgresql",
    "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license", "llama2", "llama3",
    "llama3.1", "llama3.2", "llama3.3", "gemma", "unknown", "other",
}  # fmt: skip
ALIASES = {
    "apache-2": "apache-2.0",
    "cc0": "cc0-1.0",
    "cc-zero-1.0": "cc0-1.0",
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "odc-odbl": "odbl",
    "pddl-1.0": "pddl",
    "odc-pddl-1.0": "pddl",
    "new-bsd": "bsd-3-clause",
    "simplified-bsd": "bsd-2-clause",
}
WORDS = re.compile(r"\b(the|software|licen[sc]e|version|v(?=\d)|international|creative commons|unported)\b")
COPYLEFT = re.compile(r"-sa-|^(a|l)?gpl|^gfdl|^odbl$|^cdla-sharing|^osl|^eupl")


def hub_id(spelled: str | None) -> str | None:
    """`cc-by-4.0` for "CC BY 4.0"; `unknown` for none; None where the hub has no identifier for it."""
    text = (spelled or "").strip().lower()
    if text in ("", "unknown", "none"):
        return "unknown"
    text = re.sub(r"(?<=[\s-])v(?=\d)", "", text)
    text = re.sub(r"[\s_,-]+", "-", WORDS.sub(" ", text).strip()).strip("-")
    text = re.sub(r"^(l|a)?(gpl)-?v?(\d)(?:\.0)?(-only|-or-later|\+)?$", r"\1\2-\3.0", text)
    text = re.sub(r"^attribution-", "cc-by-", text)
    text = ALIASES.get(text, text)
    return text if text in HUB and text != "other" else None


def of_header(spelled: Iterable[str | None]) -> dict[str, str | list[str]]:
    """`license`, and `license_name` for those that the hub has no identifier for; empty without a row."""
    names = list(spelled)
    found = {name: hub_id(name) for name in names}
    known = sorted({each for each in found.values() if each})
    odd = sorted({str(name).strip() for name, each in found.items() if not each})
    licences = [*known, *(["other"] if odd else [])]
    if not licences:
        return {}
    header: dict[str, str | list[str]] = {"license": licences[0] if len(licences) == 1 else licences}
    return {**header, "license_name": ", ".join(odd)} if odd else header


def notes(rows: Mapping[str | None, int]) -> Iterator[str]:
    """What the terms of those rows come to together, a sentence each; none where all of them only ask for credit."""
    found: dict[str | None, int] = {}
    for spelled, count in rows.items():
        found[hub_id(spelled)] = found.get(hub_id(spelled), 0) + count
    total = sum(found.values())
    if found.get("unknown"):
        yield f"{found['unknown']:,} of {total:,} rows name no licence: whether they may be passed on is not known."
    if found.get(None):
        odd = ", ".join(sorted(str(spelled) for spelled in rows if hub_id(spelled) is None))
        yield f"{found[None]:,} rows are under terms that the hub has no identifier for ({odd}): read them first."
    known = {name: count for name, count in found.items() if name and name != "unknown"}
    for mark, says in (("-nc", "not be used commercially"), ("-nd", "not be passed on in a changed form")):
        if under := {name: count for name, count in known.items() if mark in name}:
            yield f"{sum(under.values()):,} rows may {says} ({', '.join(sorted(under))})."
    if under := {name: count for name, count in known.items() if COPYLEFT.search(name)}:
        asked = f"{sum(under.values()):,} rows ask that what is derived from them stays under their terms"
        beside = "; these licences do not agree with each other on which" if len(under) > 1 else ""
        yield f"{asked} ({', '.join(sorted(under))}){beside}."
