"""Read a corpus in any published layout, check it, cut it if asked, and store it as one folder of plain files."""
