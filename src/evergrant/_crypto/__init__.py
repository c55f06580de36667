"""Encryption of what is stored: the text form, the keys, and where keys come from.

`cryptography` is imported only if there is a key.
"""
