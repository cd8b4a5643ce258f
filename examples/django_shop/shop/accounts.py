"""Who signs up gets a mail with a link, and can log in once they have followed it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views import View
from django.views.generic import FormView

from notifier.errors import InvalidMail


class VerifyTokens(PasswordResetTokenGenerator):
    """Of a salt of its own, or the link in this mail would reset a password; good until the account is active."""

    key_salt = "shop.accounts.VerifyTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"


tokens = VerifyTokens()


class SignUpForm(UserCreationForm):
    email = forms.EmailField()

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")


class SignUp(FormView):
    form_class = SignUpForm
    template_name = "shop/form.html"
    extra_context = {"title": "Sign up", "button": "Sign up"}

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        form.instance.is_active = False
        try:
            with transaction.atomic():
                self.ask_to_verify(form.save())
        except InvalidMail:
            form.add_error("email", "This address cannot be mailed.")
            return self.form_invalid(form)
        messages.success(self.request, "Thank you. A mail is on its way to you.")
        return redirect("login")

    def ask_to_verify(self, user: User) -> None:
        link = self.request.build_absolute_uri(reverse("verify", args=[user.username, tokens.make_token(user)]))
        text = render_to_string("shop/verify_address.txt", {"user": user, "link": link})
        send_mail("Is this your address?", text, None, [user.email])


class VerifyAddress(View):
    """The link leads to a button: programs that look into mails follow links, too."""

    def dispatch(self, request: HttpRequest, username: str, token: str, **kwargs: Any) -> HttpResponse:
        self.user = User.objects.filter(username=username).first()
        if not tokens.check_token(self.user, token):
            raise Http404("this link is used, too old or not ours")
        return super().dispatch(request, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "shop/form.html", {"title": "Is this your address?", "button": "Yes, it is mine"})

    def post(self, request: HttpRequest) -> HttpResponse:
        self.user.is_active = True
        self.user.save(update_fields=["is_active"])
        messages.success(request, "Thank you. Please log in.")
        return redirect("login")
