"""Scripts that run methods of other packages, each in an environment that holds its package and no softtopic."""
