"""Which containers reach a server that listens on 127.0.0.1 only, and how what they say is read."""

from typing import Any

import pytest

from lambdify.cli.errors import DockerUnavailable
from lambdify.cli.local.functions.container import FRAME, separate, split_frames
from lambdify.cli.packing.wheels import docker_host

HERE = {
    "Name": "desk",
    "KernelVersion": "6.1",
    "OperatingSystem": "Debian",
    "SecurityOptions": ["name=seccomp"],
}
ROOTLESS = {"SecurityOptions": ["name=seccomp", "name=rootless"]}
US = {"hostname": "desk", "kernel": "6.1", "platform": "linux"}


def test_an_engine_of_this_machine_shares_its_network() -> None:
    assert docker_host.find(HERE, **US) == docker_host.HOST_NETWORK


def test_podman_does_so_without_root_too() -> None:
    assert (
        docker_host.find({**HERE, **ROOTLESS, "BuildahVersion": "1.28.2"}, **US) == docker_host.HOST_NETWORK
    )


@pytest.mark.parametrize(
    ("engine", "us"),
    [
        ({"Name": "docker-desktop", "KernelVersion": "6.6", "OperatingSystem": "Docker Desktop"}, {}),
        ({"Name": "colima", "KernelVersion": "6.6", "OperatingSystem": "Ubuntu"}, {"platform": "darwin"}),
    ],
    ids=["Docker Desktop", "macOS"],
)
def test_an_engine_in_a_virtual_machine_has_a_name_for_us(engine: dict[str, Any], us: dict[str, str]) -> None:
    assert docker_host.find(engine, **US | us).host == "host.docker.internal"


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        ({**HERE, "Name": "server"}, 'not on this machine, but on "server"'),
        ({**HERE, "KernelVersion": "6.2"}, "not on this machine"),
        ({**HERE, **ROOTLESS}, "is rootless"),
    ],
    ids=["elsewhere", "a machine of the same name", "rootless"],
)
def test_any_other_is_refused_with_what_to_do(engine: dict[str, Any], why: str) -> None:
    with pytest.raises(DockerUnavailable, match=why) as caught:
        docker_host.find(engine, **US)
    assert 'form = "layer"' in caught.value.hint


def frame(text: bytes) -> bytes:
    return FRAME + b"\x03" + len(text).to_bytes(4, "big") + bytes(8) + text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1000])
def test_frames_between_lines_are_taken_apart_wherever_the_pieces_break(size: int) -> None:
    data = b"one\n" + frame(b"a\nb") + frame(b"") + "zw\u00f6lf\n".encode() + frame(b"c") + b"end"
    text, frames, rest = b"", b"", b""
    for at in range(0, len(data), size):
        more, found, rest = split_frames(rest + data[at : at + size])
        text, frames = text + more, frames + found
    assert (text, frames, rest) == (
        "one\nzw\u00f6lf\nend".encode(),
        frame(b"a\nb") + frame(b"") + frame(b"c"),
        b"",
    )


def test_what_only_begins_like_a_frame_is_text() -> None:
    assert split_frames(b"x\xa5") == (b"x", b"", b"\xa5")
    assert split_frames(b"\xa5" + b"y") == (b"\xa5y", b"", b"")


def test_lines_of_the_two_streams_do_not_mix():
    frame = FRAME + b"\x03" + (3).to_bytes(4, "big") + bytes(8) + b"err"
    written = [(1, b"out"), (2, b"er"), (1, b"\nmore"), (2, b"r\n" + frame), (2, b"last")]
    found = list(separate(written))
    assert b"".join(text for text, _ in found).splitlines() == [b"out", b"err", b"more", b"last"]
    assert b"".join(frames for _, frames in found) == frame


def test_a_frame_that_was_cut_short_is_passed_on_as_one():
    cut = FRAME + b"\x03" + (300).to_bytes(4, "big") + bytes(8) + b"no end"
    assert list(separate([(2, b"a\n" + cut)]))[-1] == (b"", cut)
