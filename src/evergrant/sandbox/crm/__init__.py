"""A faithful local Zoho for tests and demonstrations."""
