"""The pages, each a script that lays out one question; what they show is made in `leafscope.app`."""
