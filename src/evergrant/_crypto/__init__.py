"""Sealing what is stored: the text form, the keys, and where keys come from.

`cryptography` is imported once there is a key, and not before.
"""
