"""Writes, transactions and business rules: verb-first functions."""
