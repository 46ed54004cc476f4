"""Find the neurons of a language model that react to OCR noise, neutralise them, measure what it does to tagging."""

__version__ = "0.1.0"
