"""Checking: whether a dataset's folder is what its manifest and its card say."""
