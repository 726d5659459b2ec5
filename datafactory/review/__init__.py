"""Review: a person reads traces on a local page; each decision is a line of a file that a `review` stage applies."""
