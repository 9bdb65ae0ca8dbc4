"""`make bench`: how long runs take, as ratios against floors measured on the same machine in the same
minutes.
"""
