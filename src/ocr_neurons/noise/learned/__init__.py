"""Noise learned from aligned texts: counting, the model's file, drawing from it."""
