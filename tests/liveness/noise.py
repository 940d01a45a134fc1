"""Pictures as a camera gives them in poor light."""

import cv2
import numpy as np


def add_noise(pixels, share, sigma, *, of_sensor, rng):
    """Dim a picture and add noise: to each value, or as a camera does, colour at half the size."""
    height, width = pixels.shape[:2]
    noise = rng.normal(0, sigma, pixels.shape)
    if of_sensor:
        gray = cv2.GaussianBlur(rng.normal(0, 1.6 * sigma, (height, width)), (0, 0), 0.6)
        colour = rng.normal(0, 0.5 * sigma, (height // 2, width // 2, 3))
        noise = gray[..., None] + cv2.resize(colour, (width, height))
    return np.clip(pixels * share + noise, 0, 255).astype(np.uint8)
