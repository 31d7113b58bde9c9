"""Estimate what a target needs before anything starts: hours, memory, disk and downloads."""
