"""Reading a corpus with the teacher, in parts."""
