"""The parts of the math verifier, from how an answer is spelled to whether two are the same."""
