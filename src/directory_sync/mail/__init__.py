"""Mail about requests: who hears of what, in which words, and that it arrives. Sends through whatever it is given."""
