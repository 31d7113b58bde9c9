"""Label clusters: balanced spherical k-means trees."""
