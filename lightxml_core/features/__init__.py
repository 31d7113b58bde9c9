"""Features of documents (TF-IDF, bag of words) and of labels."""
