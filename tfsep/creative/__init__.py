"""What is made of separated songs."""
