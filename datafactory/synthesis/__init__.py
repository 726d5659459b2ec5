"""Test synthesis: inputs that a model's generators print become tests, by what known submissions make of them."""
