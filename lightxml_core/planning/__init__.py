"""What a target would take, estimated before anything starts: hours, memory, disk and downloads."""
