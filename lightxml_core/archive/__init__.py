"""The archive of finished runs: one small file per run, kept in the repository, with all that leads back to it."""
