"""What every gradient-trained method shares: devices, batch order, checkpoints, the log and the loop."""
