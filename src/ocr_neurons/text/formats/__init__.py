"""Formats of text that users bring: readers into Readings, told apart by content; writers of tagged text."""
