"""A Celery worker that calls the CRM for people who are not there."""
