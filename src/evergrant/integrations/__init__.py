"""Logging in with Zoho, and calling it as who is logged in, from web frameworks.

Each is the shortest way for its framework (`fastapi`, `flask`, `django`); what they share, and
what a framework without one needs, is in `web`.
"""
