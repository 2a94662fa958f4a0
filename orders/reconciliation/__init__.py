"""Every marketplace order of a period in exactly one bucket, from reading both sides independently of what we did.

`market` and `warehouse` read the two sides, `ours` what we hold; `rules` (pure) puts each order into its bucket; `job`
runs it all and keeps the report. Nothing is mended here.
"""
