"""Noise models: the presets of the paper; pairs of clean and noisy text."""
