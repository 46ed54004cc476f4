"""Readers of aligned data: a clean text and its OCR, in the formats they are published in."""
