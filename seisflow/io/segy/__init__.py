"""SEG-Y and Seismic Unix: layout, headers, geometry, traces, writing."""
