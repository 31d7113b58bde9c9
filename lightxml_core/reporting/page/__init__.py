"""The HTML page of a target, and the test documents that it shows."""
