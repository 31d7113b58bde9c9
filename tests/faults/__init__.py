"""Faults injected into the real DAG: what may go wrong at each stage, and that nothing is lost or silently used."""
