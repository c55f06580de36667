"""What ``manage.py`` can do with tokens."""
