"""The benchmark behind `leafscope bench`: what capacity costs, beside dense layers, other implementations and itself.

Groups: `capacity`, `peers`, `sweep`; each is a list of flat rows. A result is a document that can be written as JSON:
`environment` (machine, versions, threads, date), `quick`, `groups`.
"""
