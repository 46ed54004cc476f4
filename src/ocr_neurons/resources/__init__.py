"""Data of our own that travels with the package."""
