import os
import time

import requests


class ZohoDesk:
    """A small client of Zoho Desk."""

    def __init__(self, org_id):
        self.org_id = org_id
        self.base_url = os.environ["DESK_URL"] + "/api/v1"
        self.access_token = None
        self.expires_at = 0
        self.session = requests.Session()

    def authenticate(self):
        """Exchange the refresh token for a new access token."""
        res = self.session.post(
            os.environ["ZOHO_ACCOUNTS_URL"] + "/oauth/v2/token",
            data=dict(
                grant_type="refresh_token",
                client_id=os.environ["ZOHO_CLIENT_ID"],
                client_secret=os.environ["ZOHO_CLIENT_SECRET"],
                refresh_token=os.environ["ZOHO_REFRESH_TOKEN"],
            ),
        ).json()
        self.access_token = res["access_token"]
        self.expires_at = time.time() + int(res["expires_in"]) - 120

    def get(self, path):
        if time.time() >= self.expires_at:
            self.authenticate()
        headers = {"orgId": self.org_id, "Authorization": f"Zoho-oauthtoken {self.access_token}"}
        return self.session.get(self.base_url + path, headers=headers)


if __name__ == "__main__":
    desk = ZohoDesk(os.environ["ZOHO_DESK_ORG_ID"])
    print(desk.get("/tickets").status_code)
