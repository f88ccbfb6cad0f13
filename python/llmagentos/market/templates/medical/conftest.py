"""Its folder is where tests import from: that of the application."""
