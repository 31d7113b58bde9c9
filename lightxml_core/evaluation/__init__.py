"""Metrics of extreme multi-label classification, and ensembles of predictions. `catalogue` lists the metrics."""
