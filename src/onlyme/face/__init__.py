"""Find the faces of a frame, align them and embed them."""
