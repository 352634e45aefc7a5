"""The public HTTP side: callbacks, pages, attesters' desk."""
