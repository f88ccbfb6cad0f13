// Layer kernels.
