"""Numbers as they stand in sentences of every room."""

from __future__ import annotations


def p_text(p: float) -> str:
    """A p-value after its sign: ``= 0.042``, ``= 0.42``, ``< 0.001``; never ``= 0.000``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
