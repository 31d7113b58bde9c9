"""A corpus from any published layout to one folder of plain files: reading, checking, cutting, storing."""
