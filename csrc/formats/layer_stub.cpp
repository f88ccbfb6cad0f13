// Layer formats.
