project = "Charts"
extensions = ["myst_nb", "exohcc.sphinxext.vega"]
nb_execution_mode = "off"
vega_dark_colours = {"#1f6fb4": "#6cb2ee"}
numfig = True
copyright = "nobody"
version = "1"
