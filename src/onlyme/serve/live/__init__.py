"""Watch and enroll people while a browser sends its camera's pictures over a WebSocket."""
