"""Evaluating: what the stage `evaluate` does with each model, and the scores it makes of the rows."""
