"""The parts of `merge`: mixture, selection, shuffle, split, shards, tokens."""
