"""The explorer: what noise and edits do to one text, computed here and shown by a local page."""
