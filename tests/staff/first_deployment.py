"""The first day of a production deployment, by HTTP: run as a process of its own on a database that was only migrated.

`python -m tests.staff.first_deployment CODE CODE` takes the invitation codes of `first` and `second` and prints as JSON
what was seen. Nothing here judges it; `test_first_administrators` does.
"""

import json
import re
import sys
import time

PASSWORDS = {"first": "sea-lamp-river-42", "second": "hill-cup-window-17"}
HIRED = {"username": "newcomer", "name": "강새봄", "roles": ["agent"], "reason": "hired"}


def main(codes: dict[str, str]) -> dict[str, object]:
    """Both set their passwords, sign in and set up a second factor; one asks for an account, the other approves."""
    import django
    from django.conf import settings

    # Names of static files with digests need a collected manifest, which a test has not.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    django.setup()
    from django.test import Client
    from django.urls import reverse

    from kt_remedy.devtools.sandbox.phone import totp
    from kt_remedy.staff import service
    from kt_remedy.staff.models import RightsRequest, User

    def administrator(username: str) -> Client:
        client, password = Client(), PASSWORDS[username]
        typed = {"username": username, "code": codes[username], "password1": password, "password2": password}
        results[f"{username} invitation"] = client.post(reverse("staff-invitation"), typed, secure=True).headers[
            "Location"
        ]
        client.post(reverse("account_login"), {"login": username, "password": password}, secure=True)
        results[f"{username} password alone"] = client.get(reverse("admin:index"), secure=True).headers.get("Location")
        page = client.get(reverse("mfa_activate_totp"), secure=True).content.decode()
        secret = re.findall("<code>([A-Z2-7]+)</code>", page)[0]
        client.post(reverse("mfa_activate_totp"), {"code": totp(secret, time.time())}, secure=True)
        results[f"{username} admin"] = client.get(reverse("admin:index"), secure=True).status_code
        return client

    def prove(username: str) -> None:
        """What the approval on the telephone leads to; PortOne itself is out of reach here."""
        user = User.objects.get(username=username)
        service.record_person(user=user, person_index=username.encode().ljust(32), name=user.first_name)

    def ask(client: Client) -> None:
        answer = client.post(reverse("admin:staff_user_add"), HIRED, secure=True)
        names_command = "invite_administrator" in answer.content.decode()
        results.setdefault("ask", []).append([answer.status_code, names_command, RightsRequest.objects.count()])

    def approve(client: Client) -> None:
        asked = RightsRequest.objects.get()
        page = reverse("admin:staff_rightsrequest_decide") + f"?ids={asked.pk}"
        answer = client.post(page, {"decision": "approve"}, secure=True)
        shows_code = re.search("<code>([0-9A-Z]{4}-){4}[0-9A-Z]{4}</code>", answer.content.decode()) is not None
        hired = User.objects.filter(username="newcomer").values_list("roles", flat=True).first()
        results.setdefault("approve", []).append([answer.status_code, shows_code, hired])

    results: dict = {"production": not settings.DEVELOPMENT}
    results["readyz"] = Client().get("/readyz", secure=True).json()
    first = administrator("first")
    results["before the proof"] = first.get(reverse("admin:staff_user_add"), secure=True).headers.get("Location")
    prove("first")
    ask(first)
    second = administrator("second")
    ask(first)
    prove("second")
    ask(first)
    approve(first)
    approve(second)
    return results


if __name__ == "__main__":
    print(json.dumps(main(dict(zip(PASSWORDS, sys.argv[1:], strict=True)))))
