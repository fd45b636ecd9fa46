"""Convert a SEG-Y cube to Zarr by another package: ``python peers_ingest.py multidimio|segysak FILE OUT``.

Runs in an environment of its own (``pip install multidimio segysak``): segysak is GPL, and both ask for other
versions than seisflow is tested with.
"""

import os
import sys


def by_multidimio(path, out):
    os.environ.setdefault("MDIO__IMPORT__CPU_COUNT", str(os.cpu_count()))
    from mdio import segy_to_mdio
    from mdio.builder.template_registry import get_template
    from segy.schema import HeaderField
    from segy.standards import get_segy_standard

    places = {"inline": 189, "crossline": 193, "cdp_x": 181, "cdp_y": 185}
    fields = [HeaderField(name=name, byte=byte, format="int32") for name, byte in places.items()]
    spec = get_segy_standard(1.0).customize(trace_header_fields=fields)
    segy_to_mdio(spec, get_template("PostStack3DTime"), path, out, overwrite=True)


def by_segysak(path, out):
    import xarray as xr

    cube = xr.open_dataset(
        path,
        engine="sgy_engine",
        dim_byte_fields={"iline": 189, "xline": 193},
        extra_byte_fields={"cdp_x": 181, "cdp_y": 185},
        chunks={"iline": 16},
    )
    cube.attrs = {}  # it keeps objects there that Zarr does not take
    for name in cube.variables:
        cube[name].attrs = {}
    cube.to_zarr(out, mode="w")


if __name__ == "__main__":
    {"multidimio": by_multidimio, "segysak": by_segysak}[sys.argv[1]](*sys.argv[2:])
