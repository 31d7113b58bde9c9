"""Speed and memory against peers or the obvious way, measured in the same run. `make bench` runs them all."""
