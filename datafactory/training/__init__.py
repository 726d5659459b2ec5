"""Training: TRL under transformers' Trainer, never a loop of our own. Imported only when a stage trains."""
