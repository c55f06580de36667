"""What a Keeper is made of: admit a grant, cache it, refresh it once, save it come what may."""
