"""Threads, processes and forks; nothing here knows what a token is."""
