"""Encode, train, tag: named-entity taggers on any transformer."""
