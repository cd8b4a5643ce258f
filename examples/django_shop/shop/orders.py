"""An order and its mail are one transaction: both are there, or neither."""

from __future__ import annotations

from pathlib import PurePath

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.core.mail import EmailMessage
from django.core.validators import FileExtensionValidator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.generic import FormView

from notifier.errors import InvalidMail
from shop.models import Order

# A text/csv would get the line ends of a mail (RFC 2046, 4.1.1); it is printed as it is.
FORMATS = {"pdf": "application/pdf", "csv": "application/octet-stream"}
LARGEST = 2_000_000  # octets
DECLINED = "4000000000000002"


class PaymentDeclined(Exception):
    pass


class OrderForm(forms.Form):
    document = forms.FileField(max_length=255, validators=[FileExtensionValidator(list(FORMATS))])
    copies = forms.IntegerField(min_value=1, max_value=1000)
    card = forms.CharField(max_length=19, help_text=f"{DECLINED} is declined")

    def clean_document(self) -> UploadedFile:
        document = self.cleaned_data["document"]
        if document.size > LARGEST:
            raise forms.ValidationError(f"At most {LARGEST // 1_000_000} MB, please.")
        return document


class PlaceOrder(LoginRequiredMixin, FormView):
    form_class = OrderForm
    template_name = "shop/form.html"
    extra_context = {"title": "What may we print?", "button": "Order"}

    def form_valid(self, form: OrderForm) -> HttpResponse:
        try:
            order = place(self.request.user, **form.cleaned_data)
        except PaymentDeclined:
            form.add_error("card", "This card was declined.")
        except InvalidMail:
            form.add_error("document", "We cannot mail you a copy of this.")
        else:
            messages.success(self.request, f"Thank you. {order} is on its way.")
            return redirect("order")
        return self.form_invalid(form)


def place(customer: User, document: UploadedFile, copies: int, card: str) -> Order:
    """Raises `PaymentDeclined`; no order and no mail is left then."""
    with transaction.atomic():
        order = Order.objects.create(customer=customer, document=document.name, copies=copies)
        confirm(order, document)
        charge(card)
    return order


def confirm(order: Order, document: UploadedFile) -> None:
    """The mail is a row beside the order's, and goes after the commit."""
    text = render_to_string("shop/order_confirmation.txt", {"order": order})
    mail = EmailMessage(str(order), text, to=[order.customer.email])
    kind = FORMATS[PurePath(document.name).suffix[1:].lower()]
    mail.attach(document.name, document.read(), kind)
    mail.send()


def charge(card: str) -> None:
    """Where a shop asks its bank."""
    if card.replace(" ", "") == DECLINED:
        raise PaymentDeclined
