"""Tagging a user's files and folders: what is to be done, what was done before, the work itself."""
