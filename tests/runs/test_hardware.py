"""`--device` means the same on every machine; what is not there is refused."""

import pytest
import torch

from seisflow.errors import ConfigError
from seisflow.runs.hardware import Hardware, is_first_process


@pytest.fixture
def machine(monkeypatch):
    """Pretend a machine."""

    def pretend(cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "SLURM_PROCID"):
            monkeypatch.delenv(name, raising=False)

    pretend()
    return pretend


CHOICES = [
    ({}, None, ("cpu", 1)),
    ({"mps": True}, None, ("mps", 1)),
    ({"cuda": 2, "mps": True}, None, ("cuda", [0, 1])),
    ({"cuda": 2}, "cpu", ("cpu", 1)),
    ({}, "cpu:2", ("cpu", 2)),
    ({"cuda": 4}, "cuda", ("cuda", [0, 1, 2, 3])),
    ({"cuda": 4}, "cuda:1", ("cuda", [1])),
    ({"cuda": 4}, "cuda:0,3", ("cuda", [0, 3])),
    ({"mps": True}, "mps", ("mps", 1)),
]


@pytest.mark.parametrize(("parts", "device", "expected"), CHOICES)
def test_devices_are_chosen(machine, parts, device, expected):
    machine(**parts)
    hardware = Hardware.choose(device)
    assert (hardware.accelerator, hardware.devices) == expected


REFUSED = {
    "tpu": "not known. Expected cpu, cpu:2, cuda",
    "": "not known",
    "cuda:": "Pass --device cpu",
    "cuda:x": "not known",
    "cuda:-1": "not known",
    "mps:1": "not known",
    "cuda": "this machine has 0 CUDA cards. Pass --device cpu",
    "mps": "this machine has none. Pass --device cpu",
}


@pytest.mark.parametrize(("device", "message"), REFUSED.items())
def test_what_is_not_there_is_refused_in_one_line(machine, device, message):
    with pytest.raises(ConfigError, match=message) as refused:
        Hardware.choose(device)
    assert str(refused.value).startswith(f"--device {device}: ")
    assert "\n" not in str(refused.value)


def test_a_card_beyond_the_last_is_refused(machine):
    machine(cuda=2)
    with pytest.raises(ConfigError, match="this machine has 2 CUDA cards"):
        Hardware.choose("cuda:0,2")


@pytest.mark.parametrize(
    ("hardware", "count", "strategy", "device"),
    [
        (Hardware("cpu", 1), 1, "auto", "cpu:0"),
        (Hardware("cpu", 2), 2, "ddp", "cpu:0"),
        (Hardware("cuda", [1]), 1, "auto", "cuda:1"),
        (Hardware("cuda", [2, 3]), 2, "ddp", "cuda:2"),
        (Hardware("mps", 1), 1, "auto", "mps:0"),
    ],
    ids=str,
)
def test_several_devices_work_in_parallel(machine, hardware, count, strategy, device):
    assert (hardware.count, hardware.strategy, hardware.device) == (count, strategy, torch.device(device))


def test_a_launcher_counts(machine, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert (Hardware("cuda", [0, 1]).count, Hardware("cuda", [0, 1]).strategy) == (8, "ddp")


@pytest.mark.parametrize(
    ("hardware", "native", "precision", "expected"),
    [
        (Hardware("cpu", 1), True, "auto", torch.bfloat16),
        (Hardware("cpu", 1), False, "auto", torch.float32),
        (Hardware("cuda", [0]), True, "auto", torch.bfloat16),
        (Hardware("cuda", [0]), False, "auto", torch.float32),
        (Hardware("mps", 1), True, "auto", torch.float32),
        (Hardware("cpu", 1), True, "fp32", torch.float32),
        (Hardware("cpu", 1), False, "bf16", torch.bfloat16),
    ],
    ids=str,
)
def test_precision_follows_the_hardware_unless_told(monkeypatch, hardware, native, precision, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert hardware.subnet_dtype(precision) == expected


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16"), (False, "auto"), (False, "fp32")])
def test_a_precision_that_the_hardware_has_is_taken_without_a_word(monkeypatch, caplog, native, precision):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    Hardware("cpu", 1).subnet_dtype(precision)
    assert not caplog.records


def test_bfloat16_that_is_emulated_is_taken_with_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert Hardware("cpu", 1).subnet_dtype("bf16") == torch.bfloat16
    assert "Pass --set training.precision=auto" in caplog.text


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_the_first_process_is_rank_zero(machine, monkeypatch, variable):
    assert is_first_process()
    monkeypatch.setenv(variable, "0")
    assert is_first_process()
    monkeypatch.setenv(variable, "1")
    assert not is_first_process()
