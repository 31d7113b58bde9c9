"""The DAG on a real Slurm of one node: `python -m tests.slurm`; not part of the normal test run."""
