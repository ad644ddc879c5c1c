"""Figures of a fitted model, by plotly: pure functions of its state and its tables.

A new figure is a function here, a method of `TopicModel` with its name, and an entry in `registry.PLOTS`.
"""
