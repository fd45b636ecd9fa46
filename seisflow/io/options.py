"""Options of `seisflow.open_section`, as a run or a model keeps them."""

from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12


class Options(TypedDict, total=False):
    """Keyword arguments of `seisflow.open_section`."""

    iline: int | None
    xline: int | None
    cdp_x: int | None
    cdp_y: int | None
    dt: float | None
    format: int | None
    endian: Literal["big", "little"] | None
    encoding: Literal["ebcdic", "ascii"] | None
    domain: Literal["time", "depth"] | None
    line: bool
    strict: bool
    limit: float


Options.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # type: ignore[attr-defined]
_OPTIONS = TypeAdapter(Options)


def checked_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return options that come from elsewhere, if they are such.

    Raises
    ------
    ValueError
        If there is no option of that name, or a value is none of its kind.
    """
    try:
        return dict(_OPTIONS.validate_python(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise ValueError(f"no reader has the option {name!r}") from error
        raise ValueError(f"{name}: {first['msg']}") from error
