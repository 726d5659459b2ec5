"""Pushing: a published folder to the Hugging Face hub, or to any server that speaks its API (HF_ENDPOINT)."""
