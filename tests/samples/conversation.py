"""What a visitor says to each app, and what has to come back: written once, held with every server there is.

A conversation is a generator: it yields a sentence after each thing that held, and raises Surprise at the
first that did not. It leaves the app as it found it, so that it can be held again. The demo prints what it
yields.
"""

import json
import random
import struct
import zlib
from collections.abc import Iterator

from samples.browser import Answer, Browser, Upload, write_form
from waiting import eventually

HARD_TO_KEEP = bytes(range(256)) * 300
"""Every byte there is, among them those that are not UTF-8."""


class Surprise(AssertionError):
    """The app's answer is not what it should be."""


def expect(what: str, got: object, wanted: object) -> None:
    """Raise Surprise unless both are the same."""
    if got != wanted:
        raise Surprise(f"{what}: expected {_shorten(wanted)}, got {_shorten(got)}")


def expect_page(answer: Answer, *texts: str, status: int = 200) -> None:
    """Raise Surprise unless it is an HTML page with that status that holds the texts."""
    expect(f"status of {answer.method} {answer.url}", answer.status, status)
    expect(f"type of {answer.url}", answer.headers["Content-Type"], "text/html; charset=utf-8")
    for text in texts:
        if text not in answer.text:
            raise Surprise(f"{answer.url} does not say {text!r}, but:\n{answer.text}")


def expect_redirect(answer: Answer, to: str, status: int) -> None:
    """Raise Surprise unless the answer sends the browser there."""
    expect(f"status of {answer.method} {answer.url}", answer.status, status)
    expect(f"where {answer.url} leads", answer.headers["Location"], to)


def draw_picture(width: int, height: int) -> bytes:
    """A PNG of so many pixels, of noise: it does not get smaller, and any byte may occur in it."""
    noise = random.Random(width * height)
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def talk_to_receipts(browser: Browser) -> Iterator[str]:
    """sample_flask."""
    page = browser.get("/")
    expect_page(page, "<h1><a href=", "Your name")
    yield "the first page, made from templates"
    yield from _read_style(browser, "/static/style.css")
    yield from _sign_in(browser, page)
    yield from _keep_a_receipt(browser)
    expect_page(browser.get("/no/such/page"), "There is nothing at /no/such/page", status=404)
    yield "a 404 page of the app's own"
    expect("status of a GET where only POST goes", browser.get("/welcome").status, 405)
    expect_redirect(browser.submit(browser.get("/"), "/goodbye"), "/", 303)
    expect_page(browser.get("/"), "Goodbye.", "Your name")
    yield "goodbye, and the session is empty"


def _read_style(browser: Browser, path: str) -> Iterator[str]:
    style = browser.get(path)
    expect("status of the style sheet", (style.status, style.kind), (200, "text/css"))
    known, said = (
        ("ETag", "If-None-Match") if style.headers["ETag"] else ("Last-Modified", "If-Modified-Since")
    )
    again = browser.get(path, headers={said: style.headers[known]})
    expect("the style sheet, when the browser has it", (again.status, again.body), (304, b""))
    head = browser.head(path)
    expect("HEAD of the style sheet", (head.status, head.kind, head.body), (200, "text/css", b""))
    yield "a static file; 304 when the browser has it already; HEAD without a body"


def _sign_in(browser: Browser, page: Answer) -> Iterator[str]:
    welcome = browser.submit(page, "/welcome", name="Zoë Ö.", currency="PLN")
    expect_redirect(welcome, "/", 303)
    expect("cookies set", {cookie.name for cookie in browser.cookies}, {"session", "currency"})
    expect_page(browser.follow(welcome), "Welcome, Zoë Ö.!", "Amount in PLN")
    page = browser.get("/")
    expect_page(page, "You are Zoë Ö.")
    expect("whether the greeting is still there", "Welcome" in page.text, False)
    yield "a form, a redirect, two cookies in one answer; the session remembers, the message is shown once"


def _keep_a_receipt(browser: Browser) -> Iterator[str]:
    photo = draw_picture(800, 600)
    no_photo = {"shop": "Nowhere", "amount": "1", "photo": Upload("x.png", b"\xff")}
    wrong = browser.submit(browser.get("/"), "/receipts", **no_photo)
    expect_page(browser.follow(wrong), "the file is not a photo")
    form = {"shop": "Café Zürich", "amount": "12,5", "photo": Upload("bon żółty.png", photo, "image/png")}
    kept = browser.submit(browser.get("/"), "/receipts", **form)
    expect("status after the upload", kept.status, 303)
    receipt = kept.headers["Location"]
    expect_page(browser.follow(kept), "Kept your receipt from Café Zürich.", "12.50 PLN", "bon żółty.png")
    yield f"an upload of {len(photo):,} bytes, and the page to which it leads"

    original = browser.get(f"{receipt}/photo")
    expect("the downloaded photo", (original.status, original.kind, original.body), (200, "image/png", photo))
    name = "filename*=UTF-8''bon%20%C5%BC%C3%B3%C5%82ty.png"
    expect("whether its name came along", name in original.headers["Content-Disposition"], True)
    yield "the download: the same bytes, and a file name that is not ASCII"

    thumbnail = browser.get(f"{receipt}/thumbnail").body
    expect("the thumbnail's size", struct.unpack(">II", thumbnail[16:24]), (240, 180))
    yield "a thumbnail, made by Pillow's compiled code"

    mailed = browser.submit(browser.get(receipt), f"{receipt}/mail")
    expect_redirect(mailed, receipt, 303)
    expect_page(browser.follow(mailed), "On its way to the bookkeeping.")
    yield "a mail to the bookkeeping, enqueued; the answer does not wait for it"

    expect_page(browser.get("/shops/Café Zürich"), "<h2>From Café Zürich</h2>", f'href="{receipt}"')
    expect_page(browser.get("/", q="é z"), f'href="{receipt}"')
    found = json.loads(browser.get("/api/receipts", q="Café Zürich").body)["receipts"]
    known = {"shop": "Café Zürich", "cents": 1250, "currency": "PLN", "added_by": "Zoë Ö."}
    expect("the receipt as JSON", [{key: item[key] for key in known} for item in found], [known])
    yield "the same receipt by a path and by a query that are not ASCII, and as JSON"

    expect_redirect(browser.submit(browser.get(receipt), f"{receipt}/delete"), "/", 303)
    expect("status of a receipt thrown away", browser.get(receipt).status, 404)
    yield "thrown away"


def talk_to_bookshelf(browser: Browser) -> Iterator[str]:
    """sample_django."""
    expect_page(browser.get("/"), "What we read, and what we thought of it.")
    yield "the first page, made from templates and SQLite, on a database that was migrated by itself"
    yield from _read_style(browser, "/static/books/style.css")
    admin = browser.get("/static/admin/css/base.css")
    expect("the admin's style sheet", (admin.status, admin.kind), (200, "text/css"))
    expect_redirect(browser.get("/admin/"), "/admin/login/?next=/admin/", 302)
    yield "the admin asks who you are, and has its style sheet"
    yield from _shelve_a_book(browser)
    expect_page(browser.get("/no/such/page"), "There is nothing at /no/such/page", status=404)
    yield "a 404 page of the app's own"


def _shelve_a_book(browser: Browser) -> Iterator[str]:
    page = browser.get("/books/add/")
    forged = browser.post("/books/add/", b"title=Forged&author=Nobody", "application/x-www-form-urlencoded")
    expect("status of a form without its CSRF token", forged.status, 403)
    notes = "*Twice*, and <script>alert(1)</script> never."
    form = {"title": "Solaris", "author": "Stanisław Lem", "notes": notes}
    added = browser.submit(page, "/books/add/", **form, file=Upload("solaris.epub", HARD_TO_KEEP))
    expect("status after the form", added.status, 302)
    book = added.headers["Location"]
    expect_page(browser.follow(added), "Solaris is on the shelf.", "<em>Twice</em>, and  never.")
    yield "a form with its CSRF token and a file; without the token it is refused"

    file = browser.get(f"{book}file/")
    expect("status and type of the download", (file.status, file.kind), (200, "application/epub+zip"))
    expect("the downloaded file", file.body, HARD_TO_KEEP)
    yield f"the download: the same {len(HARD_TO_KEEP):,} bytes"

    expect_page(browser.get("/"), "You looked at", "Solaris")
    yield "the session knows the book that was looked at"

    expect_page(browser.get("/authors/Stanisław Lem/"), "<h2>By Stanisław Lem</h2>", f'href="{book}"')
    expect_page(browser.get("/", q="sław"), f'href="{book}"')
    found = json.loads(browser.get("/api/books/", q="Solaris").body)["books"]
    known = {"title": "Solaris", "author": "Stanisław Lem", "finished": False}
    expect("the book as JSON", [{key: item[key] for key in known} for item in found], [known])
    yield "the same book by a path and by a query that are not ASCII, and as JSON"

    expect_redirect(browser.submit(browser.get(book), f"{book}remove/"), "/", 302)
    expect_page(browser.get("/"), "Solaris is gone.")
    yield "taken off the shelf"


def talk_to_admin(browser: Browser, name: str, password: str) -> Iterator[str]:
    """The admin of sample_django, for a user that it knows."""
    login = browser.follow(browser.get("/admin/"))
    entered = browser.submit(login, "/admin/login/?next=/admin/", username=name, password=password)
    expect_redirect(entered, "/admin/", 302)
    expect_page(browser.follow(entered), "Site administration", name)
    yield "signed in to the admin"
    page = browser.get("/admin/books/book/add/")
    added = browser.submit(page, "", title="Eden", author="Lem", notes="", _save="Save")
    expect_redirect(added, "/admin/books/book/", 302)
    expect_page(browser.follow(added), "Eden", "was added successfully")
    yield "a book added there"
    for book in json.loads(browser.get("/api/books/", q="Eden").body)["books"]:
        delete = f"/admin/books/book/{book['id']}/delete/"
        expect_redirect(browser.submit(browser.get(delete), "", post="yes"), "/admin/books/book/", 302)
    expect("books left", json.loads(browser.get("/api/books/", q="Eden").body), {"books": []})
    yield "and deleted there"


def talk_to_parcels(browser: Browser) -> Iterator[str]:
    """sample_fastapi, the API alone."""
    visits = [json.loads(browser.get("/api/office").body)["visits"] for _ in range(3)]
    expect("visits, by a cookie", visits, [0, 1, 2])
    expect("cookies set", {cookie.name for cookie in browser.cookies}, {"visits", "last"})
    yield "two cookies in one answer, and read again"
    yield from _send_a_letter(browser)
    yield from _hand_in_a_parcel(browser)
    way = browser.get("/api/parcels/kniha ž/events")
    expect("type of the events", way.kind, "text/event-stream")
    expect("the last event", way.text.split("\n\n")[-2], "id: 4\ndata: kniha ž is delivered")
    yield "a stream of events, whole"
    echo = json.loads(browser.get("/api/echo/zażółć gęślą/jaźń", q="a+b c&d", ż="ó").body)
    wanted = {"text": "zażółć gęślą/jaźń", "query": [["q", "a+b c&d"], ["ż", "ó"]]}
    expect("path and query", echo, wanted)
    yield "a path and a query that are not ASCII"
    missing = browser.get("/api/none")
    expect("what is not there", (missing.status, missing.kind), (404, "application/json"))
    office = json.loads(browser.get("/api/office").body)
    expect("how often the lifespan began", office["number"], 1)
    yield "404, and a lifespan that began once for all of it"


def _send_a_letter(browser: Browser) -> Iterator[str]:
    before = json.loads(browser.get("/api/letters").body)
    letter = {"to": {"name": "Łucja", "town": "Kraków"}, "text": "Cześć!", "stamps": 2}
    sent = browser.post("/api/letters", json.dumps(letter).encode(), "application/json")
    expect("the letter", (sent.status, json.loads(sent.body)), (202, {"accepted": "Łucja"}))
    delivered: list[dict] = []

    def is_delivered() -> bool:
        delivered[:] = json.loads(browser.get("/api/letters").body)
        return len(delivered) > len(before)

    if not eventually(is_delivered):
        raise Surprise("the background task did not deliver the letter within a minute")
    expect("the letter delivered", delivered[-1], letter)
    bad = browser.post("/api/letters", b'{"to": {"name": "", "town": 7}}', "application/json")
    expect("status of a letter that does not validate", bad.status, 422)
    expect("the fields at fault", [error["loc"][1:] for error in json.loads(bad.body)["detail"]],
           [["to", "name"], ["to", "town"], ["text"]])  # fmt: skip
    yield "a JSON body checked by pydantic, and a background task that was done"


def _hand_in_a_parcel(browser: Browser) -> Iterator[str]:
    body, kind = write_form({"label": "kniha ž", "parcel": Upload("k.bin", HARD_TO_KEEP)})
    handed_in = browser.post("/api/parcels", body, kind)
    expect_redirect(handed_in, "/api/parcels/kniha%20%C5%BE", 303)
    expect("the parcel's weight", json.loads(browser.follow(handed_in).body)["bytes"], len(HARD_TO_KEEP))
    content = browser.get("/api/parcels/kniha ž/content")
    expect("the parcel", (content.kind, content.body), ("application/octet-stream", HARD_TO_KEEP))
    yield f"an upload and a download of {len(HARD_TO_KEEP):,} bytes, the same"


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
