"""Types of the compiled core, one stub per area."""

from llmagentos._core import formats as formats
from llmagentos._core import graph as graph
from llmagentos._core import kernels as kernels
from llmagentos._core import quant as quant
from llmagentos._core import runtime as runtime
from llmagentos._core import sampler as sampler
from llmagentos._core import tokenize as tokenize
