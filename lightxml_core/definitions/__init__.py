"""What users' files may hold, as frozen types: datasets, backbones, word vectors, methods and config.yaml."""
