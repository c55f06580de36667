import asyncio
import json
import os
import time

import requests

PATH = os.path.expanduser(os.getenv("ZOHO_TOKEN_FILE", "zoho-tokens.json"))


class TokenManager:
    def __init__(self):
        self.tokens = json.load(open(PATH))

    async def get_token(self):
        if self.tokens["expiresAt"] - 60_000 < time.time() * 1000:
            await asyncio.to_thread(self.refresh)
        return self.tokens["accessToken"]

    def refresh(self):
        answer = requests.post(
            f"{os.environ['ZOHO_ACCOUNTS_URL']}/oauth/v2/token",
            data={
                "grant_type": "refresh_token",
                "refresh_token": self.tokens["refreshToken"],
                "client_id": os.environ["ZOHO_CLIENT_ID"],
                "client_secret": os.environ["ZOHO_CLIENT_SECRET"],
            },
        ).json()
        self.tokens["accessToken"] = answer["access_token"]
        self.tokens["expiresAt"] = int(time.time() * 1000) + answer["expires_in"] * 1000
        with open(PATH, "w") as f:
            json.dump(self.tokens, f)


async def main():
    headers = {"Authorization": f"Zoho-oauthtoken {await TokenManager().get_token()}"}
    url = os.environ["ZOHO_API_DOMAIN"] + "/crm/v8/Leads?fields=Last_Name"
    response = await asyncio.to_thread(requests.get, url, headers=headers)
    print(response.status_code)


asyncio.run(main())
