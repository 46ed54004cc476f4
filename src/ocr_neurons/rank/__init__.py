"""From a Profile to a NeuronSet: which neurons are OCR-sensitive, and where."""
