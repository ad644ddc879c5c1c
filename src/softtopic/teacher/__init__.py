"""What the language model is asked, and what its answers become."""
