from django.contrib import admin
from django.urls import include, path

from shop.accounts import SignUp, VerifyAddress
from shop.orders import PlaceOrder

urlpatterns = [
    path("", PlaceOrder.as_view(), name="order"),
    path("sign-up", SignUp.as_view(), name="sign-up"),
    path("verify/<username>/<token>", VerifyAddress.as_view(), name="verify"),
    path("accounts/", include("django.contrib.auth.urls")),  # with the password's reset
    path("admin/", admin.site.urls),  # with the outbox, and the store's mails
]
