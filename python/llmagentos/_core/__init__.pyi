"""Types of the compiled core, one stub per area."""

from . import formats as formats
from . import graph as graph
from . import kernels as kernels
from . import quant as quant
from . import runtime as runtime
from . import sampler as sampler
from . import tokenize as tokenize
