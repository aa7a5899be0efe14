"""Signing in and out, and setting a password by a one-time link."""

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.accounts import PasswordLinkView, TooManyAttempts, WeakPassword
from prom_server.services import accounts, staffing
from prom_server.transaction import reading, transaction
from prom_server.web import forms

pages = Blueprint("auth", __name__)


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Shown:
    form = forms.SignIn()
    if not form.is_submitted():
        return _sign_in_page(form)
    if not form.validate():
        return _sign_in_page(form, 422)
    try:
        with transaction() as database:
            attempt = accounts.look_up(database, form.email.data, request.remote_addr or "", at=clock.now())
    except TooManyAttempts as error:
        form.refuse(error)
        return _sign_in_page(form, 429)
    verified = accounts.verify(attempt, form.password.data)  # slow on purpose: between the transactions
    with transaction() as database:
        token = accounts.record_sign_in(database, attempt, verified, at=clock.now())
        if token is None:
            accounts.record_failure(database, attempt, at=clock.now())
    if token is None:
        form.form_errors.append("wrong_sign_in")
        return _sign_in_page(form, 422)
    session.clear()
    session["staff"] = token
    return redirect(url_for("clinic.home"), 303)


def _sign_in_page(form: forms.SignIn, status: int = 200) -> Shown:
    with reading() as database:
        demo = accounts.any_demo(database)
    return render_template("auth/sign_in.html", form=form, demo=demo), status


@pages.post("/sign-out")
def sign_out() -> Shown:
    with transaction() as database:
        accounts.sign_out(database, session["staff"], by=g.by, at=clock.now())
    session.clear()
    flash("signed_out")
    return redirect(url_for(".sign_in"), 303)


@pages.route("/set-password/<token>", methods=["GET", "POST"])
def set_password(token: str) -> Shown:
    """Looking at it uses nothing up."""
    form = forms.SetPassword()
    with reading() as database:
        view = staffing.password_link(database, token, at=clock.now())
    if not form.is_submitted():
        return _set_password_page(form, view)
    if not form.validate():
        return _set_password_page(form, view, 422)
    try:
        staffing.check_password(view, form.password.data)
    except WeakPassword as error:
        form.password.errors = error.problems
        return _set_password_page(form, view, 422)
    hashed = accounts.hash_password(form.password.data)
    with transaction() as database:
        staffing.set_password(database, token, hashed, at=clock.now())
    session.clear()
    flash("password_set")
    return redirect(url_for(".sign_in"), 303)


def _set_password_page(form: forms.SetPassword, view: PasswordLinkView, status: int = 200) -> Shown:
    return render_template("auth/set_password.html", form=form, view=view, demo=view.demo), status
