"""Rewriting: a model asked to write a part of a row anew, and the checks that decide whether it may."""
