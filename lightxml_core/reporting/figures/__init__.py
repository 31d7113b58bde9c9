"""Figures for print and screen: one module per figure, listed in `catalogue`, all in the style of `style.py`."""
