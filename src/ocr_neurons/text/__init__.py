"""Documents, tokens and entities; readers and writers; named data sets."""
