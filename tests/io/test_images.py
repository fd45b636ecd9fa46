"""Image data sets: what their files hold is what is read, and what is wrong with them is said."""

import gzip
import io
import re
import struct
import tarfile

import numpy as np
import pytest
from scipy import stats

from seisflow.errors import DataError
from seisflow.io import images

COUNTS = {"train": 12, "test": 5}
STEMS = {"train": "train", "test": "t10k"}


def idx(values):
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def small(monkeypatch):
    """Cards that expect a few images, and know no checksums."""
    real = images.card
    monkeypatch.setattr(
        images, "card", lambda name: real(name).model_copy(update={"counts": COUNTS, "sha256": {}})
    )


@pytest.fixture
def made(tmp_path, small):
    """A folder with every data set, and what was written into it."""
    rng = np.random.default_rng(0)
    written = {}
    for name in ("mnist", "fashion-mnist"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for part, count in COUNTS.items():
            pixels = rng.integers(256, size=(count, 28, 28)).astype(np.uint8)
            labels = rng.integers(10, size=count).astype(np.uint8)
            written[name, part] = pixels[:, None], labels
            (folder / f"{STEMS[part]}-images-idx3-ubyte").write_bytes(idx(pixels))
            (folder / f"{STEMS[part]}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    pixels = {part: rng.integers(256, size=(n, 32, 32, 3)).astype(np.uint8) for part, n in COUNTS.items()}
    np.savez(tmp_path / "images" / "cifar10_automobile.npz", x_train=pixels["train"], x_test=pixels["test"])
    for part, x in pixels.items():
        written["cifar10-automobile", part] = np.moveaxis(x, -1, 1), np.ones(len(x))
    return tmp_path, written


@pytest.mark.parametrize("part", COUNTS)
@pytest.mark.parametrize("name", images.names())
def test_pixels_and_labels_are_those_of_the_files(made, name, part):
    folder, written = made
    found = images.read_images(name, part, folder)
    np.testing.assert_array_equal(found.pixels, written[name, part][0])
    np.testing.assert_array_equal(found.labels, written[name, part][1])


def test_the_archive_of_cifar10_gives_the_images_of_the_class(tmp_path, small):
    rng = np.random.default_rng(1)
    labels = {name: rng.permutation([1, 1, 0, 7]) for name in (*images._BATCHES["train"], "test_batch.bin")}
    labels["test_batch.bin"][:] = [1, 1, 1, 1]
    pixels = {name: rng.integers(256, size=(4, 3072)).astype(np.uint8) for name in labels}
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in labels:
            raw = np.c_[labels[name].astype(np.uint8), pixels[name]].tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    found = images._read_archive(tmp_path / "cifar-10-binary.tar.gz", "train", 1)
    expected = [pixels[name][labels[name] == 1] for name in images._BATCHES["train"]]
    np.testing.assert_array_equal(found.reshape(-1, 3072), np.concatenate(expected))
    with pytest.raises(
        DataError, match=r"cifar10-automobile, test: \(4, 3, 32, 32\) pixels.*\(5, 3, 32, 32\)"
    ):
        images.read_images("cifar10-automobile", "test", tmp_path)


DAMAGE = {
    "cut short": (lambda raw: raw[:-100], "values. Expected 12 x 28 x 28"),
    "not idx": (lambda raw: b"PK" + raw, "starts with 50 4b"),
    "of floats": (lambda raw: raw[:2] + b"\x0d" + raw[3:], "starts with 00 00 0d"),
    "empty": (lambda raw: b"", "Expected an idx file"),
    "broken gzip": (lambda raw: gzip.compress(raw)[:-50], "cannot be read"),
    "not even gzip": (lambda raw: b"\x1f\x8b" + raw, "cannot be read"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_idx_file_is_named_in_one_line(made, damage, message):
    path = made[0] / "images" / "mnist" / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        images.read_images("mnist", "train", made[0])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"nothing", b""], ids=["no zip", "empty"])
def test_a_damaged_npz_is_named(made, content):
    path = made[0] / "images" / "cifar10_automobile.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cifar10_automobile\.npz: cannot be read"):
        images.read_images("cifar10-automobile", "train", made[0])


def test_missing_files_and_names_are_said(tmp_path):
    with pytest.raises(DataError, match=r"holds neither train-images-idx3-ubyte\.gz nor train-images"):
        images.read_images("mnist", "train", tmp_path)
    with pytest.raises(DataError, match="cifar10-automobile, fashion-mnist, mnist"):
        images.read_images("mmist", "train", tmp_path)


def test_the_official_files_of_another_data_set_are_refused(tmp_path):
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes(gzip.compress(idx(np.zeros((2, 28, 28), np.uint8))))
    with pytest.raises(DataError, match=images.card("mnist").sha256[name]):
        images.read_images("mnist", "train", tmp_path)


def test_without_a_folder_files_come_from_a_mirror_with_their_checksum(made, monkeypatch):
    asked = []

    def retrieve(url, checksum, name, path):
        asked.append((url, checksum))
        if url.startswith(images.card("mnist").mirrors[0]):
            raise OSError("no connection")
        plain = made[0] / "images" / "mnist" / name
        return str(plain if plain.exists() else plain.with_suffix(""))

    official = {name: "0" * 32 for stem in STEMS.values() for name in (f"{stem}-images-idx3-ubyte.gz",)}
    official |= {name.replace("images-idx3", "labels-idx1"): "1" * 32 for name in official}
    known = images.card("mnist").model_copy(update={"sha256": official})
    monkeypatch.setattr(images, "card", lambda name: known)
    monkeypatch.setattr("pooch.retrieve", retrieve)
    found = images.read_images("mnist", "test")
    np.testing.assert_array_equal(found.pixels, made[1]["mnist", "test"][0])
    assert asked[:2] == [
        (mirror + "t10k-images-idx3-ubyte.gz", "sha256:" + "0" * 32) for mirror in known.mirrors
    ]
    monkeypatch.setattr("pooch.retrieve", lambda *_: (_ for _ in ()).throw(OSError("no connection")))
    with pytest.raises(DataError, match=r"not to be had.*no connection.*--data"):
        images.read_images("mnist", "test")


def test_padding_puts_the_image_in_the_middle():
    pixels = np.random.default_rng(0).integers(256, size=(3, 1, 28, 28)).astype(np.uint8)
    padded = images.resize(pixels, "pad")
    np.testing.assert_array_equal(padded[:, :, 2:-2, 2:-2], pixels)
    assert int(padded.astype(int).sum()) == int(pixels.astype(int).sum())


def test_bilinear_is_linear_interpolation_rounded():
    ramp = np.broadcast_to(np.arange(28) * 8, (1, 1, 28, 28)).astype(np.uint8)
    at = (np.arange(32) + 0.5) * 28 / 32 - 0.5
    expected = np.rint(np.interp(at, np.arange(28), ramp[0, 0, 0]))
    np.testing.assert_allclose(images.resize(ramp, "bilinear")[0, 0], np.tile(expected, (32, 1)), atol=1)
    assert images.resize(ramp, "bilinear").dtype == np.uint8


@pytest.mark.parametrize("how", ["bilinear", "pad"])
def test_images_of_32_pixels_stay_as_they_are(how):
    pixels = np.random.default_rng(0).integers(256, size=(2, 3, 32, 32)).astype(np.uint8)
    np.testing.assert_array_equal(images.resize(pixels, how), pixels)


def test_dequantised_values_fill_their_cells_uniformly():
    pixels = np.repeat(np.array([0, 7, 255], np.uint8), 20_000)
    x = images.dequantise(pixels, np.random.default_rng(0)).numpy()
    np.testing.assert_array_equal(np.floor(x), pixels)
    for value in (0, 7, 255):
        assert stats.kstest(x[pixels == value] - value, "uniform").pvalue > 0.01


def test_noise_of_nearly_one_stays_in_its_cell():
    class Ones:
        def random(self, shape, dtype):
            return np.full(shape, np.nextafter(np.float32(1), np.float32(0)), dtype)

    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(np.floor(images.dequantise(pixels, Ones()).numpy()), pixels)


@pytest.mark.parametrize("name", images.names())
def test_the_real_files_are_what_their_card_says(shared_data, name):
    found = images.read_images(name, "test", shared_data)
    assert found.pixels.shape == (images.card(name).counts["test"], *images.card(name).shape)
    assert set(found.labels) == ({1} if name == "cifar10-automobile" else set(range(10)))


def test_files_come_by_https_and_are_known_by_sha256():
    for name in images.names():
        known = images.card(name)
        assert all(mirror.startswith("https://") for mirror in known.mirrors)
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in known.sha256.values())
