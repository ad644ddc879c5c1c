"""Chains of small operations that run outside Python's global interpreter lock.

Threads that read a batch each (`softtopic.lm.parallel`) hold the lock for a moment between any two operations, of which
a batch has tens of thousands, and wait for each other. As TorchScript, a chain of operations takes the lock once, and
two threads are 10 to 16 % faster.

TorchScript compiles the source of these functions. So annotations are plain types, shapes stand in docstrings, and
numbers of other modules are arguments.
"""
