"""Verifiers: one file each, `verify(problem, completion, config) -> Verdict`; the name is the file's."""
