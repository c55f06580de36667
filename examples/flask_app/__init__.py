"""A Flask app in which people log in with Zoho and see their leads."""
