"""Kinds of figures by the names that the command line has for them."""

# Kind → method of `TopicModel`.
PLOTS = {
    "barchart": "visualize_barchart",
    "topics": "visualize_topics",
    "documents": "visualize_documents",
    "heatmap": "visualize_heatmap",
    "hierarchy": "visualize_hierarchy",
    "over-time": "visualize_topics_over_time",
    "per-class": "visualize_topics_per_class",
    "term-rank": "visualize_term_rank",
    "distribution": "visualize_distribution",
    "selection": "visualize_selection",
    "stability": "visualize_stability",
}
