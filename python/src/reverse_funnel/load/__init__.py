"""Flat files into the raw schema `flat_file`: a CRM without a loader.

contract.py  tables, columns and kinds that may be loaded
files.py     a file to a typed table in a workspace
run.py       all files, published at once or not at all
report.py    what a reader must know afterwards
"""

from reverse_funnel.load.run import LoadResult, load_flat_files

__all__ = ["LoadResult", "load_flat_files"]
