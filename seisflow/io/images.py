"""Images of the paper's experiments: MNIST, Fashion-MNIST, the automobiles of CIFAR-10."""

import gzip
import hashlib
import math
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch.nn.functional import interpolate, pad

from seisflow.errors import DataError

Part = Literal["train", "test"]
Resize = Literal["bilinear", "pad"]

SIDE = 32
"""Height and width of the images that models see."""
_FOLDER = "images"
_IDX_NAMES = {"train": "train", "test": "t10k"}
_IDX_UINT8 = 0x08
_NPZ = "cifar10_automobile.npz"
_MOST_BYTES = 2**28  # of images that are unpacked; the largest data set has 180 MB
_ARCHIVE = "cifar-10-binary.tar.gz"
_BATCHES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
_AT_ONCE = 4096


class ImageCard(BaseModel):
    """Card of an image data set, ``datasets/images/<name>.yaml``.

    Attributes
    ----------
    name, title, description : str
    format : "idx" or "cifar10-class"
        Format of the files: that of MNIST, or one class (``label``) of CIFAR-10's binary version.
    shape : (int, int, int)
        (C, H, W) of an image.
    counts : dict
        Images in ``train`` and ``test``.
    mirrors : list of str
        Addresses by https, each with a slash at its end, to take files from.
    sha256 : dict
        Checksum of each file there.
    credit, licence, citation : str
    notes : list of str
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    description: str
    format: Literal["idx", "cifar10-class"]
    label: int = 0
    shape: tuple[int, int, int]
    counts: dict[Part, int]
    mirrors: list[str]
    sha256: dict[str, str]
    credit: str
    licence: str
    citation: str
    notes: list[str] = []


@dataclass(frozen=True)
class Images:
    """Images of one part of a data set, in the order of its files.

    Attributes
    ----------
    pixels : ndarray of uint8, (N, C, H, W)
    labels : ndarray of int64, (N,)
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def names() -> list[str]:
    """Names of the image data sets, sorted."""
    folder = resources.files("seisflow.datasets") / _FOLDER
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml"))


def card(name: str) -> ImageCard:
    """Read one card.

    Raises
    ------
    DataError
        If there is none of that name.
    """
    if name not in names():
        raise DataError(f"{name}: no such image data set. There are: {', '.join(names())}")
    text = (resources.files("seisflow.datasets") / _FOLDER / f"{name}.yaml").read_text("utf-8")
    return ImageCard.model_validate(yaml.safe_load(text))


def read_images(name: str, part: Part, folder: str | Path | None = None) -> Images:
    """Read all images of a part, as they are.

    Parameters
    ----------
    name : str
        One of `names`.
    part : "train" or "test"
    folder : path, optional
        Where the files are: in it, in ``images/``, or there in a folder named after the data set; gzipped or
        not. Without it they come from the official mirrors, checked by their sha256, and are kept.

    Raises
    ------
    DataError
        If files are missing, damaged, or do not hold what the card says.
    """
    known = card(name)
    images = (
        _read_idx_part(known, part, folder) if known.format == "idx" else _read_class(known, part, folder)
    )
    found, expected = images.pixels.shape, (known.counts[part], *known.shape)
    if found != expected or len(images.labels) != len(images.pixels):
        raise DataError(
            f"{name}, {part}: {found} pixels and {len(images.labels)} labels. Expected {expected}: "
            f"get the official files again"
        )
    return images


def resize(pixels: NDArray[np.uint8], how: Resize) -> NDArray[np.uint8]:
    """Bring images (N, C, H, W) to 32 x 32.

    "bilinear" is antialiased and rounded to 8 bits, the paper's size; "pad" puts a border of zeros around the
    image, which is what flows trained on 32 x 32 MNIST usually do. Their bits/dim do not compare.
    """
    height, width = pixels.shape[2:]
    if (height, width) == (SIDE, SIDE):
        return pixels
    if how == "pad":
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        border = (left, SIDE - width - left, top, SIDE - height - top)
        return pad(torch.from_numpy(pixels), border).numpy()
    out = np.empty((*pixels.shape[:2], SIDE, SIDE), np.uint8)
    for first in range(0, len(pixels), _AT_ONCE):
        some = torch.from_numpy(pixels[first : first + _AT_ONCE]).float()
        sized = interpolate(some, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        out[first : first + _AT_ONCE] = sized.round().clamp(0, 255).byte().numpy()
    return out


def dequantise(pixels: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Spread each value uniformly over its cell: uint8 to float32 from 0 to below 256, any shape."""
    noise = rng.random(pixels.shape, dtype=np.float32)
    # 255 + (1 - 2^-24) rounds to 256, outside of the last cell
    return torch.from_numpy(np.minimum(pixels + noise, np.nextafter(pixels + np.float32(1), np.float32(0))))


def fetch(name: str, folder: str | Path | None = None) -> list[Path]:
    """Paths of the files of a data set, brought here first if need be.

    Raises
    ------
    DataError
        As `read_images`.
    """
    known = card(name)
    if known.format == "idx":
        return [
            _idx_file(known, f"{stem}-{kind}-ubyte", folder)
            for stem in _IDX_NAMES.values()
            for kind in ("images-idx3", "labels-idx1")
        ]
    return [_class_file(known, folder)]


def _read_idx_part(known: ImageCard, part: Part, folder: str | Path | None) -> Images:
    stem = _IDX_NAMES[part]
    pixels = read_idx(_idx_file(known, f"{stem}-images-idx3-ubyte", folder))
    labels = read_idx(_idx_file(known, f"{stem}-labels-idx1-ubyte", folder))
    return Images(pixels[:, None], labels.astype(np.int64))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of bytes, gzipped or not.

    Raises
    ------
    DataError
        If it is not one, or is cut short.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise OSError(f"more than {_MOST_BYTES} bytes")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Expected an idx file: get it again") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _IDX_UINT8 or len(raw) < 4 + 4 * raw[3]:
        raise DataError(
            f"{path}: starts with {raw[:4].hex(' ')}. Expected an idx file of bytes (00 00 08 ..)"
        )
    shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4).tolist()
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    if values.size != math.prod(shape):
        raise DataError(
            f"{path}: {values.size} values. Expected {' x '.join(map(str, shape))} as its header says: "
            f"get it again"
        )
    return values.reshape(shape).copy()  # torch warns of arrays it may not write to


def _read_class(known: ImageCard, part: Part, folder: str | Path | None) -> Images:
    path = _class_file(known, folder)
    pixels = _read_npz(path, part) if path.suffix == ".npz" else _read_archive(path, part, known.label)
    return Images(pixels, np.full(len(pixels), known.label, np.int64))


def _read_npz(path: Path, part: Part) -> NDArray[np.uint8]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if file.zip.getinfo(f"x_{part}.npy").file_size > _MOST_BYTES:
                raise OSError(f"more than {_MOST_BYTES} bytes")
            pixels = file[f"x_{part}"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Expected x_train and x_test: get it again"
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise DataError(f"{path}: x_{part} is {pixels.dtype} {pixels.shape}. Expected uint8 (N, 32, 32, 3)")
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _read_archive(path: Path, part: Part, label: int) -> NDArray[np.uint8]:
    """Images of one class: records of a label byte and 3 x 32 x 32 pixels."""
    found = []
    try:
        with tarfile.open(path) as archive:
            for name in _BATCHES[part]:
                member = archive.getmember(f"cifar-10-batches-bin/{name}")
                if not member.isreg() or member.size > _MOST_BYTES:
                    raise OSError(f"{name} is no file of at most {_MOST_BYTES} bytes")
                file = cast(IO[bytes], archive.extractfile(member))
                records = np.frombuffer(file.read(), np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE)
                found.append(records[records[:, 0] == label, 1:].reshape(-1, 3, SIDE, SIDE))
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Expected {_ARCHIVE}: get it again") from error
    return np.concatenate(found)


def _idx_file(known: ImageCard, stem: str, folder: str | Path | None) -> Path:
    packed = f"{stem}.gz"
    return _download(known, packed) if folder is None else _find(known, (packed, stem), Path(folder))


def _class_file(known: ImageCard, folder: str | Path | None) -> Path:
    return _download(known, _ARCHIVE) if folder is None else _find(known, (_NPZ, _ARCHIVE), Path(folder))


def _find(known: ImageCard, files: tuple[str, str], folder: Path) -> Path:
    # a folder of the name first: the files of MNIST and Fashion-MNIST have the same names
    for place in (folder / "images" / known.name, folder / known.name, folder / "images", folder):
        for file in files:
            if (place / file).is_file():
                return _checked(place / file, known)
    raise DataError(
        f"{folder}: holds neither {files[0]} nor {files[1]} of {known.name}. Expected one of them there or "
        f"in images/{known.name}/: name another folder, or none to download them"
    )


def _checked(path: Path, known: ImageCard) -> Path:
    """Return the path of an official file if it is that; of files repacked by others no checksum is known."""
    expected = known.sha256.get(path.name)
    if expected is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise DataError(
                f"{path}: sha256 is {found}. {expected} was expected of {known.name}: get it again, or name "
                f"the folder that holds {known.name}"
            )
    return path


def _download(known: ImageCard, file: str) -> Path:
    import pooch  # here: reading files that are there does not wait for requests

    reasons = []
    for mirror in known.mirrors:
        try:
            path = pooch.retrieve(
                mirror + file, f"sha256:{known.sha256[file]}", file, pooch.os_cache("seisflow") / known.name
            )
            return Path(path)
        except (OSError, ValueError) as error:  # no connection; another file than the card knows
            reasons.append(f"{mirror}: {' '.join(str(error).split())[:100]}")
    raise DataError(
        f"{file}: not to be had ({'; '.join(reasons)}). Get it some other way and name its folder (--data, "
        f"or SEISFLOW_DATA)"
    )
