"""What a person sees around the pages: figures, panels, the command line, and the server's options.

It imports `leafscope.core`, and nothing of `leafscope.pages`.
"""
