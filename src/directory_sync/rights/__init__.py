"""What people may do with collections, and what collections may do with connections: pure rules, and the file
that a deployment writes them in.
"""
