"""The whole house in one thread: real payments on a real database, in a world that does its worst.

One seed is one history. ``runs.play`` plays many and stops at the first that breaks a promise.
"""
