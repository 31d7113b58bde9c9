"""Pretrained and from-scratch encoders, and tokenised corpora."""
