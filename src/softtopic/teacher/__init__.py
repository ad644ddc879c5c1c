"""Teachers: prompts, scoring of words, calibration; language models on this machine and behind servers."""
