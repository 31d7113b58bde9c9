"""LightXML and the methods it is compared with, as a library: no Snakemake anywhere below this line."""
