import logging
import os
import threading
from datetime import datetime, timedelta

import requests

logger = logging.getLogger(__name__)


class ZohoAuth:
    def __init__(self):
        self.client_id = os.environ.get("ZOHO_CLIENT_ID")
        self.client_secret = os.environ.get("ZOHO_CLIENT_SECRET")
        self.refresh_token = os.environ.get("ZOHO_REFRESH_TOKEN")
        self.accounts_url = os.environ.get("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.com")
        self._access_token = None
        self._token_expiry = None
        self._lock = threading.Lock()

    def get_access_token(self) -> str:
        with self._lock:
            if self._access_token and datetime.now() < self._token_expiry:
                return self._access_token
            return self._refresh()

    def _refresh(self) -> str:
        logger.info("Refreshing Zoho access token")
        response = requests.post(
            f"{self.accounts_url}/oauth/v2/token",
            data={
                "grant_type": "refresh_token",
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "refresh_token": self.refresh_token,
            },
            timeout=10,
        )
        response.raise_for_status()
        data = response.json()
        self._access_token = data["access_token"]
        self._token_expiry = datetime.now() + timedelta(seconds=data["expires_in"] - 60)
        return self._access_token

    def headers(self) -> dict:
        return {"Authorization": f"Zoho-oauthtoken {self.get_access_token()}"}
