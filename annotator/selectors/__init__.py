"""Reads that several callers share. Nothing here writes."""
