"""Deadlines on connections: HTTP clients, sockets, boto3, and the servers of our own."""
