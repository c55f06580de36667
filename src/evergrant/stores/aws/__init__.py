"""Tokens in Amazon's own storages; credentials come from where boto3 finds them."""
