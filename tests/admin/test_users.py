"""The pages of users speak of people and roles, and who is added there can sign in."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
LIBRARY_WORDS = ("Superuser status", "Staff status", "superuser status", "Designates", "User permissions", "LDAP")


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_users_are_shown_in_the_words_of_the_roles(admin_client: Client, client: Client) -> None:
    chief = User.objects.get(username="admin")
    deputy = User.objects.create_user("deputy", is_staff=True)
    deputy.groups.add(Group.objects.get(name="Administrator"))
    client.force_login(deputy)
    addresses = (
        reverse("admin:auth_user_changelist"), reverse("admin:auth_user_add"),
        reverse("admin:auth_user_change", args=[chief.pk]), reverse("admin:auth_user_change", args=[deputy.pk]),
    )  # fmt: skip
    for person in (admin_client, client):
        pages = [text_of(person.get(address)) for address in addresses]
        assert [word for page in pages for word in LIBRARY_WORDS if word in page] == []
        assert all(
            word in pages[-1]
            for word in ("May sign in here", "Roles", "May everything without a role", "Operator: gets")
        )


def test_who_is_added_can_sign_in_and_sees_nothing_until_a_role_is_given(admin_client: Client, client: Client) -> None:
    values = {"username": "mia", "password1": "Xe4-walrus-9", "password2": "Xe4-walrus-9"}
    admin_client.post(reverse("admin:auth_user_add"), values)
    client.post(reverse("admin:login"), {"username": "mia", "password": values["password1"]})
    assert client.get(reverse("admin:index")).status_code == 200
    orders = reverse("admin:orders_order_changelist")
    assert client.get(orders).status_code == 403
    User.objects.get(username="mia").groups.add(Group.objects.get(name="Viewer"))
    assert client.get(orders).status_code == 200
