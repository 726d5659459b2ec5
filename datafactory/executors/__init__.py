"""Executors: where the shards of a stage are worked on; `run(tasks, workers)` yields results as they come."""
