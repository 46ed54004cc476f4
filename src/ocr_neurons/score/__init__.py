"""Scores of entity recognition, their intervals and paired tests."""
