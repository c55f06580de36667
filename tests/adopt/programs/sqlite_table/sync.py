import os
import sqlite3
from datetime import datetime, timedelta, timezone

import requests

DB = "app.db"


def get_token():
    conn = sqlite3.connect(DB)
    conn.row_factory = sqlite3.Row
    row = conn.execute("SELECT * FROM zoho_tokens ORDER BY id DESC LIMIT 1").fetchone()
    if row["expires_at"] > datetime.now(timezone.utc).isoformat():
        return row["access_token"]
    answer = requests.post(
        os.environ["ZOHO_ACCOUNTS_URL"] + "/oauth/v2/token",
        params=dict(
            refresh_token=row["refresh_token"],
            client_id=os.environ["ZOHO_CLIENT_ID"],
            client_secret=os.environ["ZOHO_CLIENT_SECRET"],
            grant_type="refresh_token",
        ),
    ).json()
    expires_at = (datetime.now(timezone.utc) + timedelta(seconds=answer["expires_in"])).isoformat()
    conn.execute(
        "UPDATE zoho_tokens SET access_token = ?, expires_at = ? WHERE id = ?",
        (answer["access_token"], expires_at, row["id"]),
    )
    conn.commit()
    return answer["access_token"]


if __name__ == "__main__":
    response = requests.get(
        os.environ["ZOHO_API_DOMAIN"] + "/crm/v8/Leads?fields=Last_Name",
        headers={"Authorization": "Zoho-oauthtoken %s" % get_token()},
    )
    print(response.status_code)
