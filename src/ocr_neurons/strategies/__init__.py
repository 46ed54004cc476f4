"""What helps a tagger against OCR noise: strategies made by one protocol and compared on test."""
