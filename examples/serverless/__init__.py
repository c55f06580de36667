"""A serverless function that calls the CRM."""
