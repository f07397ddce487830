"""Receipts: a photo of each one, with the shop and the amount, to be found again when the toaster breaks.

Pages for people, JSON under /api for programs. What is kept lies in one SQLite file, see storage.py.
"""

import io
import os
import secrets
from dataclasses import asdict

from flask import (
    Flask,
    abort,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)

import mail
import storage
from photos import make_thumbnail

TAGLINE = "Every receipt, where you can find it."
CURRENCIES = ("EUR", "GBP", "PLN", "USD")
A_YEAR = 365 * 24 * 60 * 60

app = Flask(__name__)
app.config.update(
    # A key made up at every start cannot leak from a repository. Its price: when the process ends, so do the
    # sessions. Set SECRET_KEY wherever more than one process answers.
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(32),
    # Browsers then leave the session out of forms that another site sends here.
    SESSION_COOKIE_SAMESITE="Lax",
    # Lambda takes 6 MB per call, and an upload grows by a third on its way there.
    MAX_CONTENT_LENGTH=4 * 1024 * 1024,
)
app.logger.setLevel("INFO")


def receipts() -> storage.Receipts:
    """What this request reads from and writes to; closed when the request ends."""
    if "receipts" not in g:
        g.receipts = storage.open_receipts()
    return g.receipts


@app.teardown_appcontext
def close_receipts(_error: BaseException | None) -> None:
    if "receipts" in g:
        g.receipts.close()


def chosen_currency() -> str:
    cookie = request.cookies.get("currency")
    return cookie if cookie in CURRENCIES else CURRENCIES[0]


@app.context_processor
def what_every_page_shows() -> dict[str, object]:
    return {
        "tagline": TAGLINE,
        "name": session.get("name"),
        "currency": chosen_currency(),
        "currencies": CURRENCIES,
    }


@app.get("/")
def index():
    query = request.args.get("q", "")
    return render_template("index.html", query=query, receipts=receipts().search(query))


@app.get("/shops/<path:shop>")
def show_shop(shop: str):
    found = receipts().of_shop(shop)
    if not found:
        abort(404)
    return render_template("index.html", shop=shop, query="", receipts=found)


@app.post("/welcome")
def welcome():
    """Remember the visitor's name for this session, and the currency for a year."""
    session["name"] = request.form["name"].strip() or "somebody"
    flash(f"Welcome, {session['name']}!")
    answer = redirect(url_for("index"), code=303)
    answer.set_cookie("currency", request.form["currency"], max_age=A_YEAR, samesite="Lax")
    return answer


@app.post("/goodbye")
def goodbye():
    session.clear()
    flash("Goodbye.")
    return redirect(url_for("index"), code=303)


@app.post("/receipts")
def add_receipt():
    if "name" not in session:
        flash("Say who you are first.")
        return redirect(url_for("index"), code=303)
    shop = request.form["shop"].strip() or "somewhere"
    upload = request.files["photo"]
    photo = upload.read()
    try:
        number = receipts().add(
            shop=shop,
            cents=storage.parse_amount(request.form["amount"]),
            currency=chosen_currency(),
            added_by=session["name"],
            photo_name=upload.filename,
            photo=photo,
            thumbnail=make_thumbnail(photo),
        )
    except ValueError as problem:
        flash(f"That did not work: {problem}.")
        return redirect(url_for("index"), code=303)
    app.logger.info("receipt %d added by %s, photo of %d bytes", number, session["name"], len(photo))
    flash(f"Kept your receipt from {shop}.")
    return redirect(url_for("show_receipt", number=number), code=303)


@app.get("/receipts/<int:number>")
def show_receipt(number: int):
    return render_template("receipt.html", receipt=receipts().get(number) or abort(404))


@app.get("/receipts/<int:number>/photo")
def download_photo(number: int):
    receipt = receipts().get(number) or abort(404)
    original = io.BytesIO(receipts().photo(number))
    return send_file(original, as_attachment=True, download_name=receipt.photo_name)


@app.get("/receipts/<int:number>/thumbnail")
def show_thumbnail(number: int):
    thumbnail = receipts().thumbnail(number) or abort(404)
    return send_file(io.BytesIO(thumbnail), "image/png")


@app.post("/receipts/<int:number>/mail")
def mail_receipt(number: int):
    receipt = receipts().get(number) or abort(404)
    mail.send.enqueue(
        f"{receipt.shop}, {receipt.amount}", f"{receipt.photo_name}, added by {receipt.added_by}"
    )
    flash("On its way to the bookkeeping.")
    return redirect(url_for("show_receipt", number=number), code=303)


@app.post("/receipts/<int:number>/delete")
def delete_receipt(number: int):
    if receipts().delete(number):
        app.logger.info("receipt %d deleted", number)
        flash("Thrown away.")
    return redirect(url_for("index"), code=303)


@app.get("/api/receipts")
def list_receipts():
    found = receipts().search(request.args.get("q", ""))
    return jsonify(receipts=[asdict(receipt) for receipt in found])


@app.get("/api/totals")
def list_totals():
    return jsonify(totals=receipts().totals())


@app.errorhandler(404)
def not_found(_error: Exception):
    return render_template("404.html"), 404


@app.errorhandler(413)
def too_large(_error: Exception):
    flash("That photo is larger than 4 MB.")
    return redirect(url_for("index"), code=303)
