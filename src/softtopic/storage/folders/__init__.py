"""Folders of files that are written whole or not at all: on a disk, or in an object store."""
