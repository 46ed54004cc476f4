"""What OCR errors cost a tagger: recall by noise, clean twins, F1 against the character error rate."""
