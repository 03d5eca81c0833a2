"""Encoders, the multi-head tagger, its decoding and its calibration."""
