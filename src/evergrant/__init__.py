"""Log in to Zoho once; stay logged in, on any storage, from every thread, process and host."""
