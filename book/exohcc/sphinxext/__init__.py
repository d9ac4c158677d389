"""The only code that knows Sphinx: one module or package for each concern."""
