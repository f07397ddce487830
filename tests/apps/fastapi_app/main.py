"""A parcel office: the parts of FastAPI that a Lambda adapter can get wrong.

The office opens in the lifespan, parcels are uploads, letters are delivered by a background task after the
answer, and the log is streamed.
"""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Cookie, FastAPI, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

log = logging.getLogger("parcels")
starts = itertools.count(1)


class Office:
    """What the lifespan makes. The lock, once waited for, works on that event loop only."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        self.delivered: list[Letter] = []
        self.parcels: dict[str, bytes] = {}


@asynccontextmanager
async def open_office(_app: FastAPI) -> AsyncIterator[dict[str, Office]]:
    office = Office(next(starts))
    log.warning("the office opens for the %d. time", office.number)
    yield {"office": office}
    log.warning("the office closes")


app = FastAPI(title="Parcels", lifespan=open_office)


class Address(BaseModel):
    name: str = Field(min_length=1)
    town: str


class Letter(BaseModel):
    to: Address
    text: str
    stamps: int = Field(default=1, ge=1, le=9)


def office_of(request: Request) -> Office:
    return request.state.office


@app.get("/", response_class=HTMLResponse)
async def index(visits: Annotated[int, Cookie()] = 0) -> HTMLResponse:
    page = HTMLResponse(f"<title>Parcels</title><p>You have been here {visits} times before.</p>")
    page.set_cookie("visits", str(visits + 1), httponly=True)
    page.set_cookie("last", "index", max_age=60)
    return page


@app.get("/office")
async def describe_office(request: Request) -> dict[str, int]:
    office = office_of(request)
    async with office.lock:
        return {"number": office.number, "delivered": len(office.delivered)}


@app.post("/letters", status_code=202)
async def send_letter(request: Request, letter: Letter, background: BackgroundTasks) -> dict[str, str]:
    async def deliver() -> None:
        await asyncio.sleep(0.05)
        office_of(request).delivered.append(letter)
        log.warning("delivered to %s", letter.to.name)

    background.add_task(deliver)
    return {"accepted": letter.to.name}


@app.get("/letters")
async def list_letters(request: Request) -> list[Letter]:
    return office_of(request).delivered


@app.post("/parcels")
async def hand_in_parcel(
    request: Request, parcel: UploadFile, label: Annotated[str, Form()]
) -> RedirectResponse:
    office_of(request).parcels[label] = await parcel.read()
    return RedirectResponse(request.url_for("weigh_parcel", label=label).path, status_code=303)


@app.get("/parcels/{label}")
async def weigh_parcel(request: Request, label: str) -> dict[str, object]:
    content = office_of(request).parcels.get(label)
    if content is None:
        raise HTTPException(404, f"no parcel {label!r}")
    return {"label": label, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.get("/parcels/{label}/content")
async def fetch_parcel(request: Request, label: str) -> Response:
    return Response(office_of(request).parcels[label], media_type="application/octet-stream")


@app.get("/log")
async def stream_log(lines: int = 3) -> StreamingResponse:
    async def write() -> AsyncIterator[str]:
        for number in range(1, lines + 1):
            yield f"line {number}: žluťoučký kůň\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(write(), media_type="text/plain; charset=utf-8")


@app.get("/echo/{text:path}")
async def echo(request: Request, text: str) -> dict[str, object]:
    return {"text": text, "query": request.query_params.multi_items()}
