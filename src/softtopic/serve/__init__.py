"""A live page and an HTTP API of one model folder. The ASGI framework is imported here only."""
