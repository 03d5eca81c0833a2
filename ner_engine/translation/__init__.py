"""Translators and the projection of spans through them."""
