"""A transformer with a head over labels: what LightXML and X-Transformer train, predict with and share."""
