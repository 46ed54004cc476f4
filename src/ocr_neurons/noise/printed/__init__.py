"""Noise from print: text set in a period typeface, worn, recognised by Tesseract."""
