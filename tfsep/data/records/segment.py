"""One record: a segment of a song with all its stems, as a `tf.train.Example`."""

import io

import numpy as np
import tensorflow as tf

from tfsep.data.cache import CachedTrack
from tfsep.errors import MissingExtraError

_FEATURES = {
    "name": tf.io.FixedLenFeature([], tf.string),
    "genre": tf.io.FixedLenFeature([], tf.string),  # empty: not known
    "start": tf.io.FixedLenFeature([], tf.int64),  # sample of the song
    "length": tf.io.FixedLenFeature([], tf.int64),  # samples
    "gain": tf.io.FixedLenFeature([], tf.float32),
    "stems": tf.io.RaggedFeature(tf.string),  # sorted; one that is not there is not known
    "audio": tf.io.RaggedFeature(tf.string),  # one for each of `stems`
}


def check_codec(codec: str) -> None:
    """Raise MissingExtraError if a codec's library is not installed."""
    if codec == "flac":
        try:
            import soundfile  # noqa: F401
        except ModuleNotFoundError:
            raise MissingExtraError("soundfile", "train", "records compressed with FLAC") from None


def encode_segment(track: CachedTrack, start: int, stop: int, *, codec: str, sample_rate_hz: int) -> bytes:
    """Return the record of `track.samples[:, start:stop]`."""
    samples = track.samples[:, start:stop]
    audio = [_flac(stem, sample_rate_hz) if codec == "flac" else stem.astype("<i2").tobytes() for stem in samples]
    texts = {"name": [track.name], "genre": [track.genre or ""], "stems": track.stems}
    features = {key: _bytes([text.encode() for text in values]) for key, values in texts.items()} | {
        "start": tf.train.Feature(int64_list=tf.train.Int64List(value=[start])),
        "length": tf.train.Feature(int64_list=tf.train.Int64List(value=[stop - start])),
        "gain": tf.train.Feature(float_list=tf.train.FloatList(value=[track.gain])),
        "audio": _bytes(audio),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def parse_segment(record: tf.Tensor, *, codec: str, channels: int) -> dict[str, tf.Tensor]:
    """Return a record's parts, inside `tf.data`; `samples` is int16 `(stems, length, channels)`."""
    parts = tf.io.parse_single_example(record, _FEATURES)
    audio = parts.pop("audio")
    if codec == "pcm":
        flat = tf.io.decode_raw(audio, tf.int16)
    else:  # libsndfile lets go of Python's lock while it decodes, so that parallel calls do run in parallel
        flat = tf.ensure_shape(tf.numpy_function(_decode_flac, [audio], tf.int16), [None, None])
    return parts | {"samples": tf.reshape(flat, tf.stack([tf.cast(tf.size(audio), tf.int64), parts["length"], channels]))}


def to_track(parts: dict[str, np.ndarray]) -> CachedTrack:
    """Return a parsed record as a track to draw crops from."""
    name = parts["name"].decode()
    return CachedTrack(
        name=name,
        key=f"{name}:{parts['start']}",
        genre=parts["genre"].decode() or None,
        stems=tuple(stem.decode() for stem in parts["stems"]),
        samples=parts["samples"],
        gain=float(parts["gain"]),
    )


def _bytes(values: list[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _flac(samples: np.ndarray, sample_rate_hz: int) -> bytes:
    """Return int16 `(length, channels)` as a FLAC file."""
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, samples, sample_rate_hz, format="FLAC", subtype="PCM_16")
    return target.getvalue()


def _decode_flac(audio: np.ndarray) -> np.ndarray:
    """Return int16 `(stems, length * channels)` of as many FLAC files."""
    import soundfile

    return np.stack([soundfile.read(io.BytesIO(blob), dtype="int16")[0].reshape(-1) for blob in audio])
