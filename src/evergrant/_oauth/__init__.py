"""Zoho's OAuth 2.0: requests and responses as values, and the transport that carries them."""
