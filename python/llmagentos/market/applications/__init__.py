"""Applications: folders with a manifest, found, checked, installed and run by name.

```
manifest.py (what one says of itself) <- files.py (its files, from a folder or an archive) <- check.py (fit to publish)
sources.py (built in, added by packages, installed), index.py (on the network) -> install.py
```
"""
