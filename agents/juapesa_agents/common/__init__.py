"""What agents share: pace, options, a listener."""
