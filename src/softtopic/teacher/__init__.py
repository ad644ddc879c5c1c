"""The language model that labels: prompts, tokens, the forward pass, calibration."""
