"""One page in one file that shows a fitted model."""
