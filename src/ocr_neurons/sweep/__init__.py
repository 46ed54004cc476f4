"""Grids of edits scored on dev, chosen there, confirmed once on test."""
