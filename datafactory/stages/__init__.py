"""Stages: one file each. A stage adds columns or drops rows, and never rewrites a cell.

A stage's file has VERSION, Config (a Base), `columns(config, check) -> list[str]`, `run(config, job)`, and where there
is something to count `summary(config, draft) -> dict`. MAKES is "model" in one that trains.
"""
