"""Noise measured: one set of pairs, two sets compared, a classifier that tries to tell them apart."""
