"""What the pictures show: each motif is a function that paints a toy on a canvas."""
