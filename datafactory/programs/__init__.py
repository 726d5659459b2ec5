"""Programs: what a model wrote as code, taken out of its response, compiled, run against tests and compared."""
