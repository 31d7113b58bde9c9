"""Download files: try mirrors in order, resume, verify, unpack safely."""
