"""How each family of services words its refusals.

The bodies for no token and for an invented one were captured for every data center
(https://github.com/w6w-io/w6w-apps, the README of each product); those for a missing scope are
from documents and issue threads that are named beside them. Status 429 is documented for most
services, and the code beside it for few: 44 of Books (https://www.zoho.com/books/api/v3/), 2955 of
Creator, TOO_MANY_REQUESTS of Desk and CRM. Projects was seen to answer 400 instead. The other codes
and texts for too many calls are the sandbox's own.
"""

from __future__ import annotations

from evergrant.sandbox.services.answers import Answer, Refusals

__all__ = [
    "ANALYTICS",
    "BOOKINGS",
    "BOOKS",
    "CALENDAR",
    "CAMPAIGNS",
    "CLIQ",
    "COMMON",
    "CREATOR",
    "CRM",
    "DESK",
    "MAIL",
    "PROJECTS",
    "SIGN",
    "WORKDRIVE",
]


def _crm(status: int, code: str, message: str) -> Answer:
    return status, {"code": code, "details": {}, "message": message, "status": "error"}


CRM = Refusals(
    no_token=_crm(401, "AUTHENTICATION_FAILURE", "Authentication failed"),
    bad_token=_crm(401, "INVALID_TOKEN", "invalid oauth token"),
    no_scope=_crm(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL"),
    no_role=_crm(403, "NO_PERMISSION", "permission denied"),
    wrong_org=_crm(400, "INVALID_DATA", "invalid data"),
    not_found=_crm(404, "INVALID_URL_PATTERN", "Please check if the URL is a correct one"),
    too_many=_crm(429, "TOO_MANY_REQUESTS", "too many requests fired in concurrent fashion"),
)

_NOT_AUTHORIZED: Answer = (
    401,
    {"code": 57, "message": "You are not authorized to perform this operation"},
)

BOOKS = Refusals(
    no_token=(401, {"code": 14, "message": "Invalid value passed for authtoken."}),
    bad_token=_NOT_AUTHORIZED,
    no_scope=_NOT_AUTHORIZED,  # https://www.zoho.com/books/api/v3/errors/
    no_role=_NOT_AUTHORIZED,
    # https://www.zoho.com/deluge/help/books/fetch-records.html
    wrong_org=(
        400,
        {
            "code": 6041,
            "message": "This user is not associated with the CompanyID/CompanyName:{org}.",
        },
    ),
    not_found=(404, {"code": 5, "message": "Invalid URL Passed"}),
    too_many=(
        429,
        {
            "code": 44,
            "message": "For security reasons your organization has been blocked as it have "
            "exceeded the maximum number of requests per minute.",
        },
    ),
    no_org=(
        400,
        {
            "code": 6024,
            "message": "This user belongs to multiple organizations, hence the parameter "
            "CompanyID/CompanyName is required.",
        },
    ),
    retry_after_s=1800,
)


def _desk(status: int, code: str, message: str) -> Answer:
    return status, {"errorCode": code, "message": message}


DESK = Refusals(
    no_token=_desk(401, "UNAUTHORIZED", "You are not authenticated to perform this operation."),
    bad_token=_desk(401, "INVALID_OAUTH", "The OAuth Token you provided is invalid."),
    no_scope=_desk(403, "SCOPE_MISMATCH", "The OAuth Token lacks the scope of this resource."),
    no_role=_desk(403, "FORBIDDEN", "You do not have permission to perform this operation."),
    wrong_org=_desk(
        403, "OAUTH_ORG_MISMATCH", "The OAuthToken is not valid for specified organization."
    ),
    not_found=_desk(404, "URL_NOT_FOUND", "The URL you accessed does not exist."),
    too_many=_desk(429, "TOO_MANY_REQUESTS", "Too many requests."),
)


def _analytics(status: int, summary: str, code: int) -> Answer:
    data = {"errorCode": code, "errorMessage": summary}
    return status, {"status": "failure", "summary": summary, "data": data}


ANALYTICS = Refusals(
    no_token=_analytics(400, "INVALID_TICKET", 8518),
    bad_token=_analytics(401, "INVALID_OAUTHTOKEN", 8535),
    no_scope=_analytics(401, "INVALID_OAUTHSCOPE", 8540),
    no_role=_analytics(403, "PERMISSION_DENIED", 7301),
    wrong_org=_analytics(400, "INVALID_ORGID", 7387),
    not_found=_analytics(404, "URL_RULE_NOT_CONFIGURED", 8504),
    too_many=_analytics(429, "TOO_MANY_REQUESTS", 429),
)


def _creator(status: int, code: int, description: str) -> Answer:
    return status, {"code": code, "description": description}


CREATOR = Refusals(
    no_token=_creator(401, 1030, "Authorization Failure."),
    bad_token=_creator(401, 1030, "Authorization Failure."),
    no_scope=_creator(401, 1030, "Authorization Failure."),
    no_role=_creator(403, 1130, "Your account has no access to the API."),
    wrong_org=_creator(404, 2892, "No application was found."),
    not_found=_creator(404, 1000, "Invalid URL."),
    too_many=_creator(429, 2955, "You have reached your API call limit."),
)


def _mail(status: int, code: str) -> Answer:
    described = {"code": status, "description": "Invalid Input"}
    return status, {"status": described, "data": {"errorCode": code}}


MAIL = Refusals(
    no_token=_mail(400, "INVALID_TICKET"),
    bad_token=_mail(401, "INVALID_OAUTHTOKEN"),
    no_scope=_mail(401, "INVALID_OAUTHSCOPE"),
    no_role=_mail(403, "ACCESS_DENIED"),
    wrong_org=_mail(404, "ACCOUNT_NOT_FOUND"),
    not_found=_mail(404, "URL_RULE_NOT_CONFIGURED"),
    too_many=_mail(429, "TOO_MANY_REQUESTS"),
)


def _calendar(status: int, code: str) -> Answer:
    return status, {"error": [{"error_code": code}]}


CALENDAR = Refusals(
    no_token=_calendar(400, "INVALID_TICKET"),
    bad_token=_calendar(401, "INVALID_OAUTHTOKEN"),
    no_scope=_calendar(401, "INVALID_OAUTHSCOPE"),
    no_role=_calendar(403, "ACCESS_DENIED"),
    wrong_org=_calendar(404, "NOT_FOUND"),
    not_found=_calendar(404, "URL_RULE_NOT_CONFIGURED"),
    too_many=_calendar(429, "TOO_MANY_REQUESTS"),
)


def _projects(status: int, title: str) -> Answer:
    return status, {"error": {"status_code": status, "title": title, "details": []}}


PROJECTS = Refusals(
    no_token=_projects(401, "INVALID_TICKET"),
    bad_token=_projects(401, "INVALID_OAUTHTOKEN"),
    no_scope=_projects(401, "INVALID_OAUTHSCOPE"),
    no_role=_projects(403, "UNAUTHORISED"),
    wrong_org=_projects(404, "RESOURCE_NOT_FOUND"),
    not_found=_projects(404, "URL_RULE_NOT_CONFIGURED"),
    too_many=(
        400,
        {
            "error": {
                "status_code": 400,
                "title": "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED",
                "details": {
                    "message": "Cannot execute more than 100 requests per API in 2 minutes. "
                    "Try again after 10 minutes."
                },
            }
        },
    ),
    retry_after_s=600,
)


def _workdrive(status: int, code: str, title: str) -> Answer:
    return status, {"errors": [{"id": code, "title": title}]}


WORKDRIVE = Refusals(
    no_token=_workdrive(500, "INVALID_TICKET", "Invalid ticket."),
    bad_token=_workdrive(401, "F7003", "Invalid OAuth token."),
    no_scope=_workdrive(401, "F7004", "Invalid OAuth scope."),
    no_role=_workdrive(403, "F000", "UNAUTHORIZED"),
    wrong_org=_workdrive(404, "F016", "URL rule not configured"),
    not_found=_workdrive(404, "F016", "URL rule not configured"),
    too_many=_workdrive(429, "R001", "Too many requests."),
)


def _sign(status: int, code: int, message: str) -> Answer:
    return status, {"code": code, "status": "failure", "message": message}


SIGN = Refusals(
    no_token=_sign(401, 9031, "Ticket invalid"),
    bad_token=_sign(401, 9041, "Invalid Oauth token"),
    no_scope=_sign(401, 9040, "Invalid Oauth Scope"),
    no_role=_sign(403, 4021, "Permission denied"),
    wrong_org=_sign(404, 9043, "Not found"),
    not_found=_sign(404, 9043, "Not found"),
    too_many=_sign(429, 429, "Too many requests"),
)

_CAMPAIGNS: Answer = (
    401,
    {"status": "error", "Code": "1007", "message": "Authentication Failed."},
)

CAMPAIGNS = Refusals(
    no_token=_CAMPAIGNS,
    bad_token=_CAMPAIGNS,
    no_scope=_CAMPAIGNS,
    no_role=_CAMPAIGNS,
    wrong_org=_CAMPAIGNS,
    not_found=(404, {"status": "error", "Code": "404", "message": "Not found."}),
    too_many=(429, {"status": "error", "Code": "429", "message": "Too many requests."}),
)

_PAGE = "<html><head><title>Zoho Bookings</title></head><body>Not authorized</body></html>"

BOOKINGS = Refusals(
    no_token=(400, _PAGE),
    bad_token=(401, _PAGE),
    no_scope=(401, _PAGE),
    no_role=(401, _PAGE),
    wrong_org=(401, _PAGE),
    not_found=(404, _PAGE),
    too_many=(429, _PAGE),
)


def _cliq(status: int, code: str) -> Answer:
    return status, {"code": code, "message": "The request was refused."}


CLIQ = Refusals(
    no_token=_cliq(401, "oauthtoken_invalid"),
    bad_token=_cliq(401, "oauthtoken_invalid"),
    no_scope=_cliq(401, "oauthtoken_scope_invalid"),
    no_role=_cliq(403, "operation_not_allowed"),
    wrong_org=_cliq(404, "url_not_found"),
    not_found=_cliq(404, "url_not_found"),
    too_many=_cliq(429, "too_many_requests"),
)


def _common(status: int, code: str) -> Answer:
    return status, {"error": {"code": status, "message": code}}


COMMON = Refusals(
    no_token=_common(401, "INVALID_TICKET"),
    bad_token=_common(401, "INVALID_OAUTHTOKEN"),
    no_scope=_common(401, "INVALID_OAUTHSCOPE"),
    no_role=_common(403, "ACCESS_DENIED"),
    wrong_org=_common(404, "NOT_FOUND"),
    not_found=_common(404, "URL_RULE_NOT_CONFIGURED"),
    too_many=_common(429, "TOO_MANY_REQUESTS"),
)
"""For services whose bodies no source shows, the words of Zoho Social
(https://www.zoho.com/social/api/oauth-authentication.html)."""
