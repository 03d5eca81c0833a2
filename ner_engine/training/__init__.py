"""Recipes, the training loop, checkpoints and events."""
