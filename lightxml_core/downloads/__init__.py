"""Getting files from elsewhere: mirrors in order, resumed, verified, unpacked safely."""
