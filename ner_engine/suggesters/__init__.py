"""Suggestions without a model: term lists, patterns, and how sources are merged."""
