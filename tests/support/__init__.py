"""What tests share: builders and servers, never substitutes for the code under test."""
