"""What a reader sees of a grid of runs: tables, figures, a summary for the terminal, one HTML page."""
