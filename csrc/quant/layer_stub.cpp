// Layer quant.
