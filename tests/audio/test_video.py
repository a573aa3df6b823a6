"""The video of an utterance: cut, small, with its sound, and the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from asking import a_request
from audio.voices import spoken
from endpoint.videos import video_of

from builders.audio.clips import ClipError
from builders.audio.decode import as_flac, pcm_digest
from builders.audio.video import encoded, plain
from builders.llm.providers.openai_chat.body import VIDEO, ChatCapabilities, body
from builders.llm.request import AudioInput, VideoInput, key

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of 720 lines and 25 pictures a second: two seconds red, then two seconds blue."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for at in range(100):
            colour = COLOURS["red" if at < 50 else "blue"]
            picture = np.full((720, 1280, 3), colour, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def seen(mp4: bytes):
    url = f"data:video/mp4;base64,{base64.b64encode(mp4).decode()}"
    return video_of({"type": "video_url", "video_url": {"url": url}})


def flac(seconds):
    return as_flac(spoken(140.0, seconds))


@pytest.mark.parametrize(("start", "colour"), [(0.2, "red"), (2.4, "blue")])
def test_a_part_of_a_film_is_cut_out_small_and_with_its_sound(film, start, colour):
    video = seen(encoded(film, start, 1.5, flac(1.5)))
    assert video.size == (640, 360) and video.pictures in (12, 13)
    assert video.colour == colour and abs(video.sound - 1.5) < 0.15


def test_the_same_part_is_the_same_bytes(film):
    sound = flac(1.0)
    assert encoded(film, 1.0, 1.0, sound) == encoded(film, 1.0, 1.0, sound)


def test_what_is_wrong_with_a_video_is_one_line(film, tmp_path):
    broken = tmp_path / "broken.avi"
    broken.write_bytes(film.read_bytes()[:100])
    silent = tmp_path / "sound.wav"
    silent.write_bytes(b"RIFF....WAVE")
    for path, start, reason in (
        (broken, 0.0, "video_unreadable"),
        (silent, 0.0, "video_unreadable"),
        (film, 3.5, "video_truncated"),
        (film, 100.0, "video_truncated"),
    ):
        with pytest.raises(ClipError) as caught:
            encoded(path, start, 2.0, flac(2.0))
        assert caught.value.reason == reason
        assert path.name in caught.value.detail and "\n" not in caught.value.detail


def clip():
    pcm = spoken(140.0, 1.0)
    sound = AudioInput(as_flac(pcm), pcm_digest(pcm), 1.0)
    mp4 = plain((240, 220, 20), 1.0, sound.flac)
    return VideoInput(lambda: mp4, hashlib.sha256(mp4).hexdigest(), 1.0, sound)


def test_the_key_has_the_digest_of_what_is_sent_and_others_keep_theirs():
    request, video = a_request(), clip()
    assert key(request) == key(replace(request, video=None))
    shown = request.with_video(video)
    assert key(shown) != key(request)
    assert key(request.with_video(replace(video, sha256="0" * 64))) != key(shown)
    assert key(request.with_video(replace(video, read=lambda: b""))) == key(shown)


@pytest.mark.parametrize("form", VIDEO)
def test_a_video_is_sent_in_the_form_that_was_found(form):
    sent = body(a_request().with_video(clip()), ChatCapabilities(video=form))
    *clips, text = sent["messages"][1]["content"]
    assert text == {"type": "text", "text": "It rained."}
    assert seen(b64_of(clips[0])).colour == "yellow"
    assert [part["type"] for part in clips[1:]] == ([form.split("+")[1]] if "+" in form else [])
    asks = sent.get("mm_processor_kwargs") == {"use_audio_in_video": True}
    assert asks == (form == "use_audio_in_video")


def b64_of(part):
    return base64.b64decode(part["video_url"]["url"].partition(",")[2])
