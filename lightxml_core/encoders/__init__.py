"""Backbones (where a pretrained or from-scratch encoder comes from) and tokenised corpora."""
