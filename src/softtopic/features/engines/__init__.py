"""Where the parts of a run are computed: in this process, or by the workers of a cluster."""
