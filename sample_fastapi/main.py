"""A parcel office: its API, for the pages in dist/ and for programs.

The office opens in the lifespan, parcels are uploads, letters are delivered by a background task after the
answer, and the way of a parcel is a stream of events. What other towns report comes by a queue: worker.py.
"""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Cookie,
    FastAPI,
    Form,
    HTTPException,
    Request,
    Response,
    UploadFile,
)
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

log = logging.getLogger("parcels")
starts = itertools.count(1)
WAY = ("in the office", "on the road", "at the door", "delivered")
PAUSE = 0.3
"""Seconds from one place to the next."""


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


api = APIRouter(prefix="/api")


class Address(BaseModel):
    name: str = Field(min_length=1)
    town: str


class Letter(BaseModel):
    to: Address
    text: str
    stamps: int = Field(default=1, ge=1, le=9)


def office_of(request: Request) -> Office:
    return request.state.office


@api.get("/office")
async def describe_office(
    request: Request, response: Response, visits: Annotated[int, Cookie()] = 0
) -> dict[str, int]:
    response.set_cookie("visits", str(visits + 1), httponly=True)
    response.set_cookie("last", "office", max_age=60)
    office = office_of(request)
    async with office.lock:
        return {"number": office.number, "delivered": len(office.delivered), "visits": visits}


@api.post("/letters", status_code=202)
async def send_letter(request: Request, letter: Letter, background: BackgroundTasks) -> dict[str, str]:
    async def deliver() -> None:
        await asyncio.sleep(0.05)
        office_of(request).delivered.append(letter)
        log.warning("delivered to %s", letter.to.name)

    background.add_task(deliver)
    return {"accepted": letter.to.name}


@api.get("/letters")
async def list_letters(request: Request) -> list[Letter]:
    return office_of(request).delivered


@api.post("/parcels")
async def hand_in_parcel(
    request: Request, parcel: UploadFile, label: Annotated[str, Form()]
) -> RedirectResponse:
    office_of(request).parcels[label] = await parcel.read()
    return RedirectResponse(request.url_for("weigh_parcel", label=label).path, status_code=303)


@api.get("/parcels/{label}")
async def weigh_parcel(request: Request, label: str) -> dict[str, object]:
    content = office_of(request).parcels.get(label)
    if content is None:
        raise HTTPException(404, f"no parcel {label!r}")
    return {"label": label, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@api.get("/parcels/{label}/content")
async def fetch_parcel(request: Request, label: str) -> Response:
    return Response(office_of(request).parcels[label], media_type="application/octet-stream")


@api.get("/parcels/{label}/events")
async def follow_parcel(label: str) -> StreamingResponse:
    """Its way, as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

    async def travel() -> AsyncIterator[str]:
        for number, place in enumerate(WAY, start=1):
            yield f"id: {number}\ndata: {label} is {place}\n\n"
            await asyncio.sleep(PAUSE)

    return StreamingResponse(travel(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@api.get("/echo/{text:path}")
async def echo(request: Request, text: str) -> dict[str, object]:
    """What arrived of a path and a query, for whoever writes a client."""
    return {"text": text, "query": request.query_params.multi_items()}


app = FastAPI(title="Parcels", lifespan=open_office)
app.include_router(api)
