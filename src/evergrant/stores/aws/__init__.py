"""Tokens in Amazon's storages; boto3 finds the credentials."""
