"""Logging that neither floods a log nor blocks the program."""
