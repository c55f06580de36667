"""What a Keeper is made of: admit a grant, cache it, renew it once, save it come what may."""
