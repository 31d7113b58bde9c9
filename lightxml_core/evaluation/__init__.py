"""Metrics of extreme multi-label ranking, and ensembles of predictions."""
