"""A FastAPI application that sends mail, and the Celery app whose worker does it."""

from __future__ import annotations

from typing import Annotated

from celery import Celery
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from notifier import send_email, status
from notifier.errors import BrokerUnavailable, InvalidMail, MailNotFound, StoreUnavailable
from notifier.tasks import register

celery = Celery("shop")  # its broker is in CELERY_BROKER_URL
register(celery)

app = FastAPI(title="Meridian Paper Goods")


class SignUp(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    email: str


@app.post("/sign-up", status_code=202)
async def sign_up(who: SignUp) -> dict[str, str]:
    # With the key, somebody who presses the button twice gets one mail.
    mail = await send_email.adelay(
        template="welcome", to=who.email, context={"name": who.name}, idempotency_key=f"welcome-{who.email}"
    )
    return {"mail": mail.id}


@app.get("/mails/{mail_id}")
def mail(mail_id: str) -> dict[str, str]:
    return {"state": status(mail_id).state}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"this process": "answers"}


@app.exception_handler(BrokerUnavailable)
@app.exception_handler(StoreUnavailable)
async def unavailable(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "please try again"}, status_code=503, headers={"Retry-After": "10"})


@app.exception_handler(InvalidMail)
async def invalid(_request: Request, error: InvalidMail) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=422)


@app.exception_handler(MailNotFound)
async def not_found(_request: Request, _error: MailNotFound) -> JSONResponse:
    return JSONResponse({"detail": "no such mail"}, status_code=404)
