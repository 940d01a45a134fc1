"""What runs while a browser sends pictures of its camera over a WebSocket."""
