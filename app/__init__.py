"""What the pages show and use: figures, panels, the command line, and the server's options.

It imports `leafscope.core`, never `leafscope.pages`.
"""
