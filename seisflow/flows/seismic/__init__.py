"""Bijections for seismic sections: whitening, lateral bands, autoregression over traces."""
