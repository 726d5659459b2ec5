"""Filters: one file, one pure function, one measure each; the recipe decides with inclusive `min` / `max`."""
