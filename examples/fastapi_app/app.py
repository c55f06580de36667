"""``uvicorn fastapi_app.app:create --factory``: see docs/frameworks.md."""

import os
from html import escape
from typing import Annotated, Any

import httpx2
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware

from evergrant import Accounts, Keeper, open_store
from evergrant.integrations.fastapi import ZohoLogin

SCOPES = ["ZohoCRM.modules.ALL"]

FRONT = """<!doctype html><title>Leads</title><p>{user} <a href="leads">Leads</a></p>
<form method="post" action="{logout}"><button>Log out</button></form>
<form method="post" action="{logout}?revoke=1"><button>Disconnect</button></form>
"""


def keeper_of_environment() -> Keeper:
    """Return the keeper that the environment describes."""
    accounts = Accounts(
        os.environ["ZOHO_CLIENT_ID"],
        os.environ["ZOHO_CLIENT_SECRET"],
        redirect_url=os.environ["ZOHO_REDIRECT_URL"],
    )
    return Keeper(open_store(os.environ["EVERGRANT_STORE"]), accounts)


def create(keeper: Keeper | None = None) -> FastAPI:
    """Return the app."""
    app = FastAPI()
    app.add_middleware(
        SessionMiddleware,
        secret_key=os.environ["SESSION_SECRET"],
        https_only=os.environ.get("INSECURE_COOKIES") is None,
    )
    zoho = ZohoLogin(keeper or keeper_of_environment(), SCOPES)
    zoho.install(app)

    @app.get("/", response_class=HTMLResponse)
    async def front(request: Request) -> str:
        site = zoho.urls(request)
        if not zoho.is_logged_in(request):
            return f'<a href="{escape(site.login)}">Log in</a>'
        return FRONT.format(user=escape(zoho.user(request)), logout=escape(site.logout))

    @app.get("/leads")
    async def leads(
        client: Annotated[httpx2.AsyncClient, Depends(zoho.client)],
        domain: Annotated[str, Depends(zoho.api_domain)],
    ) -> Any:
        answer = await client.get(f"{domain}/crm/v8/Leads", params={"fields": "Last_Name"})
        return answer.json() if answer.content else {"data": []}

    @app.get("/me")
    def me(user: Annotated[str, Depends(zoho.user)]) -> dict[str, str]:
        return {"user": user}

    return app
