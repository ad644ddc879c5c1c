"""Inference engine: loading, number formats, packed batches, attention, output layer, sentence encoder."""
