"""Shared by all gradient-trained methods: devices, batch order, checkpoints, the training log and the loop."""
