"""A synthetic reasoning-data factory: from a recipe to verified SFT shards to a distilled student."""

__version__ = "0.1.0"
